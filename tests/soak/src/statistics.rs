use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use driver_streaming::{ArchiveStatus, Outcome, SolverStatus};

/// What happened, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Statistics(Mutex<Numbers>);

/// The numbers themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) sets: u64,
    pub(crate) auctions: u64,
    pub(crate) dropped: u64,
    pub(crate) solvers: BTreeMap<&'static str, u64>,
    pub(crate) archives: BTreeMap<&'static str, u64>,
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
        self.lock().clone()
    }

    pub(crate) fn count_set(&self) {
        self.lock().sets += 1;
    }

    pub(crate) fn count_dropped(&self) {
        let mut numbers = self.lock();
        numbers.auctions += 1;
        numbers.dropped += 1;
    }

    pub(crate) fn count_fault(&self, name: &'static str) {
        *self.lock().faults.entry(name).or_default() += 1;
    }

    pub(crate) fn count_body(&self, bytes: u64, is_whole: bool) {
        let mut numbers = self.lock();
        numbers.received_bytes += bytes;
        if is_whole {
            numbers.whole_bodies += 1;
        } else {
            numbers.broken_bodies += 1;
        }
    }

    /// A run that came to its end.
    pub(crate) fn count_outcome(&self, outcome: &Outcome) {
        let mut numbers = self.lock();
        numbers.auctions += 1;
        for solver in &outcome.solvers {
            let status = match solver.status {
                SolverStatus::Ok => "ok",
                SolverStatus::Failed => "failed",
                SolverStatus::TimedOut => "timed out",
                _ => "unknown",
            };
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
        let mut numbers = self.lock();
        let status = match status {
            ArchiveStatus::Ok => "ok",
            ArchiveStatus::Failed => "failed",
            ArchiveStatus::Skipped => "none",
            _ => "unknown",
        };
        *numbers.archives.entry(status).or_default() += 1;
        numbers.archived_bytes += stored_bytes;
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
