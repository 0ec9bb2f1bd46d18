use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::violation::Violation;

/// The first violation, for whoever waits for one.
#[derive(Debug)]
pub(crate) struct Verdict {
    failed: watch::Sender<bool>,
    first: Mutex<Option<Violation>>,
}

impl Verdict {
    pub(crate) fn new() -> Self {
        Self {
            failed: watch::Sender::new(false),
            first: Mutex::new(None),
        }
    }

    /// Only the first counts: others may follow from it.
    pub(crate) fn fail(&self, violation: Violation) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(violation);
        drop(first);
        self.failed.send_replace(true);
    }

    pub(crate) fn is_failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// Waits for the first violation.
    pub(crate) async fn failed(&self) {
        // The sender is here, so it cannot be gone.
        let mut failed = self.failed.subscribe();
        let _failed = failed.wait_for(|failed| *failed).await;
    }

    pub(crate) fn take(&self) -> Option<Violation> {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
