use std::{sync::Arc, time::Duration};

use crate::TeeError;

/// What became of a branch, told once to [`BranchOptions::on_end`](crate::BranchOptions::on_end).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BranchEnd {
    /// The number of the branch in its tee, counted from 0.
    pub id: u64,
    /// Its name, when it has one.
    pub name: Option<Arc<str>>,
    /// The bytes that were handed out, those of its tail included.
    pub bytes: u64,
    /// How it ended.
    pub ending: BranchEnding,
    /// How long others waited for it in all. Zero without a timer.
    pub patience_spent: Duration,
}

/// How a branch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BranchEnding {
    /// The whole document was read, and the tail.
    Complete,
    /// Dropped before the end.
    Dropped,
    /// Ended with [`TeeError::Source`].
    Source,
    /// Ended with [`TeeError::Lagged`].
    Lagged,
    /// Ended with [`TeeError::Unavailable`].
    Unavailable,
    /// Ended with [`TeeError::Diverged`].
    Diverged,
    /// Ended with [`TeeError::Poisoned`], or dropped when the tee was poisoned.
    Poisoned,
}

impl<E> From<&TeeError<E>> for BranchEnding {
    fn from(error: &TeeError<E>) -> Self {
        match error {
            TeeError::Source(_) => Self::Source,
            TeeError::Lagged { .. } => Self::Lagged,
            TeeError::Unavailable { .. } => Self::Unavailable,
            TeeError::Diverged { .. } => Self::Diverged,
            TeeError::Poisoned => Self::Poisoned,
        }
    }
}
