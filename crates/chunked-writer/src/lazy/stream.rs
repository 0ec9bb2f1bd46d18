//! The chunks of a lazy document.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

use crate::error::JsonError;
use crate::lazy::json::LazyJson;
use crate::production::Production;

/// The chunks of a [`LazyDocument`](crate::LazyDocument). All that is said of [`JsonStream`](crate::JsonStream) holds for
/// it too.
///
/// With the feature `http-body` this is an `http_body::Body` too.
pub struct LazyStream {
    json: LazyJson,
    production: Production,
}

impl LazyStream {
    pub(crate) fn new(json: LazyJson, production: Production) -> Self {
        Self { json, production }
    }

    /// The next chunk, for code that is not asynchronous: see [`JsonStream::next_chunk`](crate::JsonStream::next_chunk).
    ///
    /// # Errors
    ///
    /// As those of the stream.
    ///
    /// # Panics
    ///
    /// If something in the document does.
    pub fn next_chunk(&mut self) -> Option<Result<Bytes, JsonError>> {
        self.production.next_chunk(|walker| self.json.walk(walker))
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

impl Stream for LazyStream {
    type Item = Result<Bytes, JsonError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.production
            .poll_chunk(context, |walker| this.json.walk(walker))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.production.size_hint()
    }
}

impl FusedStream for LazyStream {
    fn is_terminated(&self) -> bool {
        self.production.is_terminated()
    }
}

impl fmt::Debug for LazyStream {
    /// Without the bytes, which may be large, or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LazyStream")
            .field("offset", &self.production.offset())
            .field("ended", &self.production.is_ended())
            .finish_non_exhaustive()
    }
}
