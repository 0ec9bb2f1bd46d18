use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use driver_streaming::Outcome;
use indicatif::ProgressBar;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::documents::Source;
use crate::lock;
use crate::resources::Memory;
use crate::violation::Verdict;

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// When no auction is begun any more.
    pub(crate) until: Instant,
    pub(crate) source: Arc<Source>,
    pub(crate) verdict: Arc<Verdict>,
    pub(crate) statistics: Arc<Statistics>,
    pub(crate) memory: Memory,
    /// The runtime of engines.
    pub(crate) engines: Handle,
    /// Where stores may have folders.
    pub(crate) folder: PathBuf,
    pub(crate) progress: ProgressBar,
}

impl World {
    /// Whether no auction is begun any more.
    pub(crate) fn is_over(&self) -> bool {
        self.verdict.is_failed() || Instant::now() >= self.until
    }

    /// An auction has ended: takes its measure, and shows how far it all is.
    pub(crate) fn auction_ended(&self) {
        let memory = self.memory.sample().unwrap_or_default() >> 20;
        let auctions = self.statistics.count("auctions", 1);
        let left = self.until.saturating_duration_since(Instant::now());
        let left = left.as_secs();
        let message = format!("{auctions} auctions, {memory} MiB, {left} s left");
        self.progress.set_message(message);
        self.progress.tick();
    }
}

/// What happened, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    counts: Mutex<BTreeMap<String, u64>>,
    /// The most productions of the documents of one auction.
    most_passes: Mutex<f64>,
}

impl Statistics {
    /// Counts so many more of something, and returns how many there are.
    pub(crate) fn count(&self, what: impl Into<String>, more: u64) -> u64 {
        let mut counts = lock(&self.counts);
        let count = counts.entry(what.into()).or_default();
        *count += more;
        *count
    }

    /// Counts what came of a run that came to its end.
    pub(crate) fn count_outcome(&self, outcome: &Outcome) {
        for solver in &outcome.solvers {
            self.count(format!("solvers: {:?}", solver.status), 1);
            self.count("retries", solver.attempts.saturating_sub(1).into());
        }
        self.count("documents", outcome.serialize.documents as u64);
        let compressed = outcome.compress.documents as u64;
        self.count("documents compressed for solvers", compressed);
        let mut most = lock(&self.most_passes);
        *most = most.max(outcome.serialize.passes.unwrap_or_default());
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &*lock(&self.counts) {
            writeln!(formatter, "{count:>14} {what}")?;
        }
        let most = *lock(&self.most_passes);
        write!(
            formatter,
            "{most:>14.2} productions of each document, at most"
        )
    }
}
