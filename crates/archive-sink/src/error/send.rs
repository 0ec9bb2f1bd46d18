use std::{error::Error, sync::Arc};

use thiserror::Error;

use super::WriteError;

/// Why [`ArchiveWriter::send_all`](crate::ArchiveWriter::send_all) or
/// [`EncodedWriter::send_all`](crate::EncodedWriter::send_all) did not send all.
///
/// Either way the writer cannot commit any more; abort or drop it.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The stream itself failed.
    #[error("the stream to archive failed after {sent} bytes: {source}")]
    Source {
        /// How many bytes of the stream had been taken.
        sent: u64,
        /// The stream's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The writer failed, in this call or before it.
    #[error(transparent)]
    Write(#[from] WriteError),
}
