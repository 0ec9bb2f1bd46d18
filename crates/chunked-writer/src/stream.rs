//! The chunks of a document.

use std::fmt;
use std::num::NonZeroUsize;
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
/// the `Display` output that it is in). Where that makes no whole chunk, it wakes itself and returns `Pending`.
///
/// The end and an error are final: `None` ever after. If `Serialize` panics, the panic reaches whoever polls, and the
/// next poll yields [`JsonError::Poisoned`]. Dropping the stream at any time is fine, and is all there is to
/// cancelling it.
///
/// With the feature `http-body` this is an `http_body::Body` too.
pub struct JsonStream<T: ?Sized> {
    value: Arc<T>,
    production: Production,
    chunk_size: NonZeroUsize,
}

impl<T: ?Sized> JsonStream<T> {
    pub(crate) fn new(value: Arc<T>, production: Production, chunk_size: NonZeroUsize) -> Self {
        Self {
            value,
            production,
            chunk_size,
        }
    }

    /// The offset in the document of the next byte that the stream yields.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.production.offset()
    }

    /// How many bytes are still to come, if the length of the document is known.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        if self.production.is_ended() {
            return Some(0);
        }
        self.production
            .shared()
            .ledger()
            .length()
            .map(|length| length.saturating_sub(self.production.offset()))
    }

    /// Whether nothing will come any more, not even an error.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.production.is_ended()
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
        let ready = self.production.chunks_ready();
        if self.production.is_ended() {
            return (ready, Some(ready));
        }
        let most = self.remaining().and_then(|bytes| {
            usize::try_from(bytes.div_ceil(self.chunk_size.get() as u64))
                .ok()
                .and_then(|chunks| chunks.checked_add(1))
        });
        (ready, most.map(|most| most.max(ready)))
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
            .field("chunk_size", &self.chunk_size)
            .field("offset", &self.production.offset())
            .field("ended", &self.production.is_ended())
            .finish_non_exhaustive()
    }
}
