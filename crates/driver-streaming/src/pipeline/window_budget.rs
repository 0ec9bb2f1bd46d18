use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::feed::PRODUCTIONS_AT_ONCE;

/// What is leased at a time.
const UNIT: usize = 1024;
/// The smallest window that still lets readers be apart: one chunk.
const LEAST_WINDOW: usize = 64 * 1024;

/// One budget for the windows of all runs of a pipeline.
///
/// A run leases what its tees may take at most. When much is leased already, later runs get smaller windows, so that
/// they need not wait for earlier ones: half of what is left, but no less than a chunk for each window. Only a run for
/// which not even that is left waits.
#[derive(Clone, Debug)]
pub(super) struct WindowBudget {
    free: Arc<Semaphore>,
    total: u32,
}

/// A part of the budget, given back on drop.
#[derive(Debug)]
pub(super) struct WindowLease {
    window_bytes: usize,
    _permit: Option<OwnedSemaphorePermit>,
}

impl WindowBudget {
    pub(super) fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self {
            free: Arc::new(Semaphore::new(units)),
            total: u32::try_from(units).unwrap_or(u32::MAX),
        }
    }

    /// Leases windows of at most `window_bytes` for so many tees. Cancel safe.
    pub(super) async fn lease(&self, tees: usize, window_bytes: usize) -> WindowLease {
        let windows = (tees * PRODUCTIONS_AT_ONCE).max(1);
        let units = |window: usize| {
            let bytes = windows.saturating_mul(window);
            u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
        };
        let wanted = units(window_bytes);
        let least = units(LEAST_WINDOW).min(wanted).min(self.total);
        let (granted, permit) = loop {
            let left = u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX);
            let granted = wanted.min((left / 2).max(least)).min(self.total);
            match Arc::clone(&self.free).try_acquire_many_owned(granted) {
                Ok(permit) => break (granted, Some(permit)),
                // Others have taken of it in between: look again.
                Err(_) if granted > least => {}
                // The semaphore is never closed; if it were, there would be nothing to wait for.
                Err(_) => {
                    let permit = Arc::clone(&self.free).acquire_many_owned(granted).await;
                    break (granted, permit.ok());
                }
            }
        };
        WindowLease {
            window_bytes: whole_chunks((granted as usize).saturating_mul(UNIT) / windows)
                .min(window_bytes),
            _permit: permit,
        }
    }
}

impl WindowLease {
    /// The budget of each window.
    pub(super) fn window_bytes(&self) -> usize {
        self.window_bytes
    }
}

/// Windows that are a multiple of the chunk are exact.
fn whole_chunks(bytes: usize) -> usize {
    if bytes < LEAST_WINDOW {
        bytes
    } else {
        bytes - bytes % LEAST_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn later_runs_get_smaller_windows_before_they_wait() {
        let budget = WindowBudget::new(16 * MIB);
        let lease = |tees| budget.lease(tees, MIB).now_or_never();
        let first = lease(1).unwrap();
        assert_eq!(first.window_bytes(), MIB);
        let mut leases = vec![first];
        while let Some(next) = lease(1) {
            assert!(next.window_bytes() <= leases.last().unwrap().window_bytes());
            assert!(next.window_bytes() >= LEAST_WINDOW);
            leases.push(next);
        }
        let leased: usize = leases
            .iter()
            .map(|lease| lease.window_bytes() * PRODUCTIONS_AT_ONCE)
            .sum();
        assert!(leased <= 16 * MIB, "{leased}");
        assert!(leases.len() >= 8, "{}", leases.len());
        // What ends makes room.
        leases.clear();
        assert_eq!(lease(1).unwrap().window_bytes(), MIB);
        assert_eq!(lease(4).unwrap().window_bytes(), MIB / 2);
    }

    #[test]
    fn a_run_that_is_larger_than_the_budget_gets_all_of_it() {
        let budget = WindowBudget::new(100 * 1024);
        let lease = budget.lease(3, MIB).now_or_never().unwrap();
        assert_eq!(lease.window_bytes(), 100 * 1024 / 12);
        assert!(budget.lease(1, MIB).now_or_never().is_none());
    }
}
