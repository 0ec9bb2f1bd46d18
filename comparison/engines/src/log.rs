use std::sync::{Mutex, PoisonError};

use comparison_records::Received;

/// The requests that nobody has asked for yet.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<Received>>);

impl Log {
    pub(crate) fn add(&self, received: Received) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(received);
    }

    /// All of them, once.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
