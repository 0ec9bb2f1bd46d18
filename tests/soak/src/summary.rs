use std::collections::BTreeMap;
use std::fmt;

use crate::census::Census;
use crate::memory::Marks;
use crate::statistics::Numbers;

/// What a soak comes to, for people.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) numbers: Numbers,
    pub(crate) marks: Marks,
    pub(crate) before: Census,
    pub(crate) after: Census,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            numbers,
            marks,
            before,
            after,
        } = self;
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

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    parts.join(", ")
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
