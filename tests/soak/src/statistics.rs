use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use driver_streaming::{ArchiveStatus, Outcome};

use crate::lock;
use crate::resources::{Marks, Resources};

/// What happened, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Statistics(Mutex<Numbers>);

/// The numbers themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) sets: u64,
    pub(crate) auctions: u64,
    pub(crate) dropped: u64,
    pub(crate) solvers: BTreeMap<String, u64>,
    pub(crate) archives: BTreeMap<String, u64>,
    /// Solvers that were sent something, by what their engines are like, and other faults.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) retries: u64,
    pub(crate) documents: u64,
    pub(crate) compressed: u64,
    /// Sum and most of the productions of the documents of each auction.
    pub(crate) passes: (f64, f64),
    pub(crate) counted_passes: u64,
    pub(crate) whole_bodies: u64,
    pub(crate) broken_bodies: u64,
    pub(crate) received_bytes: u64,
    pub(crate) archived_bytes: u64,
}

impl Statistics {
    pub(crate) fn numbers(&self) -> Numbers {
        lock(&self.0).clone()
    }

    pub(crate) fn count_set(&self) {
        lock(&self.0).sets += 1;
    }

    pub(crate) fn count_dropped(&self) {
        let mut numbers = lock(&self.0);
        numbers.auctions += 1;
        numbers.dropped += 1;
    }

    pub(crate) fn count_faults(&self, name: &'static str, count: u64) {
        *lock(&self.0).faults.entry(name).or_default() += count;
    }

    pub(crate) fn count_body(&self, bytes: u64, is_whole: bool) {
        let mut numbers = lock(&self.0);
        numbers.received_bytes += bytes;
        if is_whole {
            numbers.whole_bodies += 1;
        } else {
            numbers.broken_bodies += 1;
        }
    }

    /// A run that came to its end.
    pub(crate) fn count_outcome(&self, outcome: &Outcome) {
        let mut numbers = lock(&self.0);
        numbers.auctions += 1;
        for solver in &outcome.solvers {
            let status = solver.status.to_string();
            *numbers.solvers.entry(status).or_default() += 1;
            numbers.retries += u64::from(solver.attempts.saturating_sub(1));
        }
        numbers.documents += outcome.serialize.documents as u64;
        numbers.compressed += outcome.compress.documents as u64;
        if let Some(passes) = outcome.serialize.passes {
            numbers.counted_passes += 1;
            numbers.passes.0 += passes;
            numbers.passes.1 = numbers.passes.1.max(passes);
        }
    }

    /// An archive of which the end is known.
    pub(crate) fn count_archive(&self, status: ArchiveStatus, stored_bytes: u64) {
        let mut numbers = lock(&self.0);
        *numbers.archives.entry(status.to_string()).or_default() += 1;
        numbers.archived_bytes += stored_bytes;
    }
}

/// What a soak comes to, for people.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) numbers: Numbers,
    pub(crate) marks: Marks,
    pub(crate) before: Resources,
    pub(crate) after: Resources,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (numbers, marks) = (&self.numbers, &self.marks);
        let (before, after) = (&self.before, &self.after);
        writeln!(
            formatter,
            "auctions     {} ({} given up half-way), by {} pipelines",
            numbers.auctions, numbers.dropped, numbers.sets
        )?;
        writeln!(formatter, "solvers      {}", listed(&numbers.solvers))?;
        writeln!(formatter, "archives     {}", listed(&numbers.archives))?;
        writeln!(formatter, "met          {}", listed(&numbers.faults))?;
        writeln!(
            formatter,
            "bodies       {} whole, {} broken off; {} retries",
            numbers.whole_bodies, numbers.broken_bodies, numbers.retries
        )?;
        writeln!(
            formatter,
            "bytes        {:.1} MB received by engines, {:.1} MB archived",
            megabytes(numbers.received_bytes),
            megabytes(numbers.archived_bytes)
        )?;
        writeln!(
            formatter,
            "documents    {} produced, {:.2} times each and {:.2} at most; {} compressed for solvers",
            numbers.documents,
            numbers.passes.0 / numbers.counted_passes.max(1) as f64,
            numbers.passes.1,
            numbers.compressed
        )?;
        write!(
            formatter,
            "memory       {} MiB at the start",
            marks.start >> 20
        )?;
        for (index, median) in marks.quarters.iter().enumerate() {
            match median {
                Some(bytes) => write!(formatter, ", {} in quarter {}", bytes >> 20, index + 1)?,
                None => write!(formatter, ", unknown in quarter {}", index + 1)?,
            }
        }
        writeln!(formatter, ", {} at the end", marks.end >> 20)?;
        write!(
            formatter,
            "left         tasks {} → {}, of engines {} → {}; file descriptors {} → {}; folders {} → {}",
            before.tasks,
            after.tasks,
            before.engine_tasks,
            after.engine_tasks,
            before.descriptors,
            after.descriptors,
            before.files,
            after.files
        )
    }
}

fn listed<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts = counts.iter().map(|(name, count)| format!("{count} {name}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
