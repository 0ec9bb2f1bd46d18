use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sharing::PRODUCTIONS_AT_ONCE;

/// What a window holds at least, however small its budget: one chunk.
const CHUNK: usize = 64 * 1024;

/// What a tee may hold beyond its window: a chunk for each production.
const BEYOND: usize = PRODUCTIONS_AT_ONCE.get() * CHUNK;

/// One budget for the windows of all runs of a pipeline.
///
/// A run leases the most that its tees may take, and never waits: a run that waited for another could miss its deadline.
/// Later runs get smaller windows: half of what is left, but at least a chunk for each window, which it takes anyway.
#[derive(Clone, Debug)]
pub(crate) struct WindowBudget {
    bytes: usize,
    leased: Arc<AtomicUsize>,
}

/// A part of the budget, returned on drop.
#[derive(Debug)]
pub(crate) struct WindowLease {
    bytes: usize,
    /// The budget of each window.
    pub(crate) window_bytes: usize,
    leased: Arc<AtomicUsize>,
}

impl WindowBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            leased: Arc::default(),
        }
    }

    /// Leases windows of at most `window_bytes` for this many tees.
    pub(crate) fn lease(&self, tees: usize, window_bytes: usize) -> WindowLease {
        let tees = tees.max(1);
        let least = tees.saturating_mul(CHUNK + BEYOND);
        let wanted = tees
            .saturating_mul(window_bytes.saturating_add(BEYOND))
            .max(least);
        let grant = |leased: usize| wanted.min((self.bytes.saturating_sub(leased) / 2).max(least));
        let add = |leased: usize| Some(leased.saturating_add(grant(leased)));
        let (order, of_reads) = (Ordering::AcqRel, Ordering::Acquire);
        let (Ok(before) | Err(before)) = self.leased.fetch_update(order, of_reads, add);
        let granted = grant(before);
        WindowLease {
            bytes: granted,
            // A multiple of the chunk: the rest would not be used.
            window_bytes: ((granted / tees - BEYOND) / CHUNK * CHUNK).min(window_bytes),
            leased: Arc::clone(&self.leased),
        }
    }
}

impl WindowLease {
    /// Splits off this many windows as a lease that may last longer.
    pub(crate) fn split_off(&mut self, windows: usize) -> Self {
        let window = self.window_bytes.max(CHUNK).saturating_add(BEYOND);
        let bytes = windows.saturating_mul(window).min(self.bytes);
        self.bytes -= bytes;
        Self {
            bytes,
            window_bytes: self.window_bytes,
            leased: Arc::clone(&self.leased),
        }
    }
}

impl Drop for WindowLease {
    fn drop(&mut self) {
        self.leased.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn later_runs_get_smaller_windows_and_never_wait() {
        let budget = WindowBudget::new(16 * MIB);
        let leased = || budget.leased.load(Ordering::Relaxed);
        let mut leases = vec![budget.lease(1, MIB)];
        assert_eq!(leases[0].window_bytes, MIB);
        while leases.last().unwrap().window_bytes > CHUNK {
            let next = budget.lease(1, MIB);
            assert!(next.window_bytes <= leases.last().unwrap().window_bytes);
            leases.push(next);
        }
        assert_eq!(leases.len(), 12);
        assert!(leased() <= 16 * MIB, "{}", leased());
        // With nothing left, a chunk for each window.
        for _ in 0..100 {
            leases.push(budget.lease(1, MIB));
            assert_eq!(leases.last().unwrap().window_bytes, CHUNK);
        }
        // What ends makes room.
        leases.clear();
        assert_eq!(leased(), 0);
        assert_eq!(budget.lease(1, MIB).window_bytes, MIB);
        assert_eq!(budget.lease(8, MIB).window_bytes, MIB / 2);
    }

    #[test]
    fn a_window_is_charged_a_chunk_at_least() {
        let budget = WindowBudget::new(1);
        let lease = budget.lease(3, 1000);
        assert_eq!(lease.window_bytes, 1000);
        assert_eq!(budget.leased.load(Ordering::Relaxed), 3 * (CHUNK + BEYOND));
    }

    #[test]
    fn a_part_may_last_longer() {
        let budget = WindowBudget::new(64 * MIB);
        let mut run = budget.lease(5, MIB);
        let archive = run.split_off(2);
        drop(run);
        assert_eq!(budget.leased.load(Ordering::Relaxed), 2 * (MIB + BEYOND));
        drop(archive);
        assert_eq!(budget.leased.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn absurd_sizes_are_no_overflow() {
        let budget = WindowBudget::new(usize::MAX);
        let first = budget.lease(4, usize::MAX);
        assert!(first.window_bytes <= usize::MAX / 2);
        assert_eq!(budget.lease(1, MIB).window_bytes, MIB);
    }
}
