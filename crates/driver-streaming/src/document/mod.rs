//! What is sent: bytes that can be produced again, identically.

mod digest;
mod document_error;
mod production;
mod skip;

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use chunked_writer::{CountLength, JsonDocument, JsonSource, JsonStream};
use futures_core::Stream;
use futures_util::{TryFutureExt, TryStreamExt};

pub use self::digest::DigestCell;
pub use self::digest::DocumentDigest;
pub use self::document_error::DocumentError;
pub(crate) use self::production::{panicked, produce};
pub use self::skip::Skip;

/// One production of a document.
pub type DocumentStream = Pin<Box<dyn Stream<Item = Result<Bytes, DocumentError>> + Send>>;

/// Finds out a document's length.
pub type LengthFuture = Pin<Box<dyn Future<Output = Result<u64, DocumentError>> + Send>>;

/// A byte sequence that can be produced again from any offset, identically, in chunks of a fixed size.
///
/// Every chunk but the last has the same size, also when production starts at an offset within a chunk. A chunk is what a
/// window holds at least: 64 KiB are a good size.
///
/// A production that ends without an error is taken for whole, also one of no bytes: a source that may end early must say so
/// by an error. A panic of a production, or while the length is counted, fails the document; the other methods must not panic.
pub trait Document: Send + Sync {
    /// Produces the document from `offset` bytes on.
    fn stream_from(&self, offset: u64) -> DocumentStream;

    /// How many bytes have been produced so far, by all productions together, thrown-away ones included.
    fn bytes_produced(&self) -> u64;

    /// Finds out the length in bytes, for solvers that insist on a `Content-Length`. What that takes is not among the
    /// [bytes produced](Self::bytes_produced).
    fn length(&self) -> LengthFuture;

    /// The digest of what the document was made from, where that is another document, once it is known.
    fn origin(&self) -> Option<DocumentDigest> {
        None
    }
}

/// A document that others hold too: of another type each time, for one.
#[deny(clippy::missing_trait_methods)]
impl<D: Document + ?Sized> Document for Arc<D> {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        (**self).stream_from(offset)
    }

    fn bytes_produced(&self) -> u64 {
        (**self).bytes_produced()
    }

    fn length(&self) -> LengthFuture {
        (**self).length()
    }

    fn origin(&self) -> Option<DocumentDigest> {
        (**self).origin()
    }
}

impl<S> Document for JsonDocument<S>
where
    S: JsonSource + ?Sized + 'static,
    Self: Send + Sync,
    JsonStream<S>: Send,
    CountLength<S>: Send,
{
    fn stream_from(&self, offset: u64) -> DocumentStream {
        Box::pin(JsonDocument::stream_from(self, offset).map_err(DocumentError::new))
    }

    fn bytes_produced(&self) -> u64 {
        self.statistics().bytes_produced
    }

    fn length(&self) -> LengthFuture {
        Box::pin(self.count_length().map_err(DocumentError::new))
    }
}
