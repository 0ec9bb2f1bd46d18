//! What all streams of a document know together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checkpoints::Ledger;
use crate::statistics::Counters;

/// Shared by the clones of a document and all of its streams.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) counters: Counters,
    ledger: Mutex<Ledger>,
}

impl Shared {
    /// Never held while a value serialises, nor across a poll.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
