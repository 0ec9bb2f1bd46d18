use std::{error::Error, fmt, sync::Arc, time::Duration};

/// Why a branch ended without the whole document.
///
/// A branch yields at most one error, as its last item, after every chunk before it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TeeError<E> {
    /// The source, or the replay that this branch was reading, failed. Every branch that reads from it gets the same error.
    Source(Arc<E>),
    /// The branch was let go, and its policy is to fail, or the tee has no replay.
    Lagged {
        /// How many bytes of the document the branch had read.
        offset: u64,
        /// How many bytes its production had yielded.
        front: u64,
    },
    /// The branch joined after the start of the document had left the cache, and the tee has no replay.
    Unavailable {
        /// The first byte that the branch needed.
        offset: u64,
    },
    /// The length of a production differs from that of an earlier one, or from the declared length.
    Diverged {
        /// Where the shorter one ended.
        offset: u64,
    },
    /// The source, the replay or the timer panicked.
    Poisoned,
}

impl<E> Clone for TeeError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Source(cause) => Self::Source(Arc::clone(cause)),
            Self::Lagged { offset, front } => Self::Lagged {
                offset: *offset,
                front: *front,
            },
            Self::Unavailable { offset } => Self::Unavailable { offset: *offset },
            Self::Diverged { offset } => Self::Diverged { offset: *offset },
            Self::Poisoned => Self::Poisoned,
        }
    }
}

impl<E> fmt::Display for TeeError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(_) => formatter.write_str("the source of the tee failed"),
            Self::Lagged { offset, front } => {
                write!(
                    formatter,
                    "the branch was too slow: it was at byte {offset} when the others were at byte {front}"
                )
            }
            Self::Unavailable { offset } => {
                write!(
                    formatter,
                    "byte {offset} has left the cache and the tee has no replay"
                )
            }
            Self::Diverged { offset } => {
                write!(
                    formatter,
                    "the length of the document changed: the shorter one is {offset} bytes"
                )
            }
            Self::Poisoned => {
                formatter.write_str("the source, the replay or the timer of the tee panicked")
            }
        }
    }
}

impl<E: Error + 'static> Error for TeeError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(cause) => Some(&**cause),
            _ => None,
        }
    }
}

/// The report of a branch that has ended, for [`BranchOptions::on_end`](crate::BranchOptions::on_end).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BranchEnd {
    /// The number of the branch in its tee, counted from 0.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// The bytes that it yielded, including its tail.
    pub bytes: u64,
    /// How it ended.
    pub ending: BranchEnding,
    /// How long it waited for others in total. Zero without a timer.
    pub waited: Duration,
    /// How long others waited for it in total. Zero without a timer.
    pub waited_for: Duration,
}

/// How a branch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BranchEnding {
    /// It yielded the whole document and the tail.
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
