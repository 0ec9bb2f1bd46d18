//! What goes wrong between a writer and its chunks.

use std::error::Error;
use std::fmt;
use std::io;

/// Why the chunks of a [`ChunkedWriter`](crate::ChunkedWriter) came to no clean end. What came before is a true prefix of
/// what was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChunksError {
    /// The writer was dropped, or only shut down and then dropped, without
    /// [`finish`](crate::ChunkedWriter::finish).
    Unfinished,
    /// The writer was dropped by a panic.
    Panicked,
    /// The writer was [aborted](crate::ChunkedWriter::abort) with this error, which is the source.
    Aborted(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for ChunksError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unfinished => "the writer was dropped before it was finished",
            Self::Panicked => "the writer was dropped by a panic",
            Self::Aborted(_) => "the writer gave up",
        })
    }
}

impl Error for ChunksError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unfinished | Self::Panicked => None,
            Self::Aborted(error) => Some(&**error),
        }
    }
}

impl From<ChunksError> for io::Error {
    fn from(error: ChunksError) -> Self {
        let kind = match error {
            ChunksError::Unfinished => io::ErrorKind::UnexpectedEof,
            ChunksError::Panicked | ChunksError::Aborted(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// [`Chunks`](crate::Chunks) were dropped before they came to their end, so nobody will read what is written.
///
/// As an [`io::Error`] it is a [`BrokenPipe`](io::ErrorKind::BrokenPipe).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the chunks were dropped before they were read")
    }
}

impl Error for ReaderGone {}

impl From<ReaderGone> for io::Error {
    fn from(gone: ReaderGone) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, gone)
    }
}
