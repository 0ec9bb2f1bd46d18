use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::documents::Source;
use crate::resources::Memory;
use crate::statistics::Statistics;
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
        let memory = self.memory.sample();
        let numbers = self.statistics.numbers();
        let left = self.until.saturating_duration_since(Instant::now());
        self.progress.set_message(format!(
            "{} auctions, {} sets, {} MiB, {} s left",
            numbers.auctions,
            numbers.sets,
            memory.unwrap_or_default() >> 20,
            left.as_secs()
        ));
        self.progress.tick();
    }
}
