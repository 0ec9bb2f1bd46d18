//! What is sent: bytes that can be produced again, identically.

mod digest;
mod document_error;

use std::pin::Pin;

use bytes::Bytes;
use chunked_writer::JsonDocument;
use futures_core::Stream;
use futures_util::TryStreamExt;
use serde::Serialize;

pub(crate) use self::digest::DigestCell;
pub use self::digest::DocumentDigest;
pub use self::document_error::DocumentError;

/// One production of a document.
pub type DocumentStream = Pin<Box<dyn Stream<Item = Result<Bytes, DocumentError>> + Send>>;

/// A byte sequence that can be produced again from any offset, identically, in chunks of a fixed size.
///
/// Every chunk but the last has the same size, also when production starts at an offset within a chunk.
pub trait Document: Send + Sync {
    /// Produces the document from `offset` bytes on.
    fn stream_from(&self, offset: u64) -> DocumentStream;

    /// How many bytes have been produced so far, by all productions together, thrown-away ones included.
    fn bytes_produced(&self) -> u64;

    /// The digest of what the document was made from, where that is another document, once it is known.
    fn origin(&self) -> Option<DocumentDigest> {
        None
    }
}

impl<T> Document for JsonDocument<T>
where
    T: Serialize + Send + Sync + ?Sized + 'static,
{
    fn stream_from(&self, offset: u64) -> DocumentStream {
        Box::pin(JsonDocument::stream_from(self, offset).map_err(DocumentError::new))
    }

    fn bytes_produced(&self) -> u64 {
        self.statistics().bytes_produced
    }
}
