use std::{error::Error, fmt, sync::Arc};

/// Why a branch ended without the whole document.
///
/// A branch yields at most one error, as its last item, after every chunk before it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TeeError<E> {
    /// The source, or the replay that this branch was reading, failed. Every branch that reads from it gets the same error.
    Source(Arc<E>),
    /// The branch fell out of the window and its policy, or the lack of a replay, said that it fails.
    Lagged {
        /// How many bytes of the document the branch had read.
        offset: u64,
        /// How far the others were.
        front: u64,
    },
    /// The branch joined when the beginning of the document had left the window, and the tee has no replay.
    Unavailable {
        /// The first byte that the branch needed.
        offset: u64,
    },
    /// A production yielded something else than an earlier one, or another length than was declared.
    Diverged {
        /// The beginning of the block in which they differ, or the length at which one of them ended.
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
                    "the branch lagged: it stopped at byte {offset} when the others were at {front}"
                )
            }
            Self::Unavailable { offset } => {
                write!(
                    formatter,
                    "byte {offset} has left the window and the tee has no replay"
                )
            }
            Self::Diverged { offset } => {
                write!(
                    formatter,
                    "the document was produced differently from byte {offset} on"
                )
            }
            Self::Poisoned => formatter.write_str("the source of the tee panicked"),
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
