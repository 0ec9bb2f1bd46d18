//! The chunks of a document.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use serde::Serialize;

use crate::error::JsonError;
use crate::production::Production;

/// The chunks of a [`JsonDocument`](crate::JsonDocument), or of its rest.
///
/// Every chunk but the last has exactly the configured size; none is empty, and none keeps more memory alive than
/// itself. Chunks are made when they are asked for: one poll writes at most 64 KiB (and the rest of the map key or of
/// the `Display` output that it is in), after the way back to where it goes on: in a map, or in any other container that
/// cannot be jumped into, that is as long as there are children to be passed over. Where that
/// makes no whole chunk, it wakes itself and returns `Pending`.
///
/// The end and an error are final: `None` ever after. If `Serialize` panics, the panic reaches whoever polls, and the
/// next poll yields [`JsonError::Poisoned`]. Dropping the stream at any time is fine, and is all there is to
/// cancelling it.
///
/// With the feature `http-body` this is an `http_body::Body` too.
pub struct JsonStream<T: ?Sized> {
    value: Arc<T>,
    production: Production,
}

impl<T: ?Sized> JsonStream<T> {
    pub(crate) fn new(value: Arc<T>, production: Production) -> Self {
        Self { value, production }
    }

    /// The next chunk, for code that is not asynchronous: makes it here and now, whatever its size, since a stream waits
    /// for nobody but itself. `None` at the end, and after an error.
    ///
    /// # Errors
    ///
    /// As those of the stream.
    ///
    /// # Panics
    ///
    /// If `Serialize` does.
    pub fn next_chunk(&mut self) -> Option<Result<Bytes, JsonError>>
    where
        T: Serialize,
    {
        self.production
            .next_chunk(|walker| self.value.serialize(walker))
    }

    /// The offset in the document of the next byte that the stream yields.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.production.offset()
    }

    /// How many bytes are still to come, if the length of the document is known. `None` if nothing but an error can come.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.production.remaining()
    }

    /// Whether nothing will come any more, not even an error.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.production.is_ended()
    }

    /// The rest as a `tokio::io::AsyncRead`. With the feature `tokio`.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn into_async_read(self) -> crate::ChunkReader<Self> {
        crate::ChunkReader::new(self)
    }
}

impl<T: Serialize + ?Sized> Stream for JsonStream<T> {
    type Item = Result<Bytes, JsonError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.production
            .poll_chunk(context, |walker| this.value.serialize(walker))
    }

    /// The number of chunks: those that are there at least, and at most one more than there is room for in the length
    /// of the document, if that is known (an error counts as an item).
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.production.size_hint()
    }
}

impl<T: Serialize + ?Sized> FusedStream for JsonStream<T> {
    fn is_terminated(&self) -> bool {
        self.production.is_terminated()
    }
}

impl<T: ?Sized> fmt::Debug for JsonStream<T> {
    /// Without the value and the bytes, which may be large, or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JsonStream")
            .field("value", &format_args!("{}", std::any::type_name::<T>()))
            .field("offset", &self.production.offset())
            .field("ended", &self.production.is_ended())
            .finish_non_exhaustive()
    }
}
