//! The chunks of a document, and what they can be made from.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use serde::Serialize;

use crate::error::{JsonError, Unwind};
use crate::production::Production;
use crate::walker::{Walker, Written};

/// What a [`JsonDocument`](crate::JsonDocument) can be made from: any `Serialize` value, or
/// [`LazyJson`](crate::LazyJson).
///
/// This trait is sealed: it has no other implementations, and none can be added.
#[expect(private_bounds, reason = "that seals it")]
pub trait JsonSource: Walk {}

impl<S: Walk + ?Sized> JsonSource for S {}

/// How a production gets at the bytes.
pub(crate) trait Walk {
    /// What a document keeps, and each production starts from.
    type Origin: Clone;
    /// What one production writes.
    type Cursor: Unpin;
    /// Whether the path in a checkpoint leads back into the middle of a document.
    const RESUMES_FROM_PATH: bool;

    fn start(origin: &Self::Origin) -> Self::Cursor;

    /// Writes until the walker stops it. The next call continues there.
    fn walk(cursor: &mut Self::Cursor, walker: &mut Walker) -> Result<Written, Unwind>;
}

/// The walker itself finds the way back into a value.
impl<T: Serialize + ?Sized> Walk for T {
    type Origin = Arc<T>;
    type Cursor = Arc<T>;
    const RESUMES_FROM_PATH: bool = true;

    fn start(origin: &Arc<T>) -> Arc<T> {
        Arc::clone(origin)
    }

    #[inline]
    fn walk(cursor: &mut Arc<T>, walker: &mut Walker) -> Result<Written, Unwind> {
        cursor.serialize(walker)
    }
}

/// The chunks of a [`JsonDocument`](crate::JsonDocument), or of the rest of one.
///
/// Every chunk except the last has exactly the configured size. No chunk is empty, and none keeps more memory alive than
/// its own. A chunk is made when it is asked for. One poll writes at most 64 KiB, plus the rest of the map key or
/// `Display` output that it is in; a poll that does not complete a chunk wakes its task and returns `Pending`. Finding the
/// way back into a map, or into any other container that cannot be indexed, takes time for each child that is passed over.
///
/// The end is final, and so is an error: the stream yields `None` from then on. If `Serialize` panics, the panic reaches
/// the caller and the next poll yields [`JsonError::Poisoned`]. To cancel a stream, drop it.
///
/// With the feature `http-body`, this is an `http_body::Body` too.
pub struct JsonStream<S: JsonSource + ?Sized> {
    cursor: S::Cursor,
    production: Production,
}

impl<S: JsonSource + ?Sized> JsonStream<S> {
    pub(crate) fn new(origin: &S::Origin, production: Production) -> Self {
        Self {
            cursor: S::start(origin),
            production,
        }
    }

    /// The next chunk, for code that is not asynchronous. A stream never waits for anything, so this makes the chunk here
    /// and now, whatever its size. Returns `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// The same as the stream's.
    ///
    /// # Panics
    ///
    /// If `Serialize` panics.
    pub fn next_chunk(&mut self) -> Option<Result<Bytes, JsonError>> {
        let cursor = &mut self.cursor;
        self.production.next_chunk(|walker| S::walk(cursor, walker))
    }

    /// The offset in the document of the next byte that the stream yields.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.production.offset()
    }

    /// How many bytes are left, if the length of the document is known. `None` if only an error is left.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.production.remaining()
    }

    /// Whether nothing is left, not even an error.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.production.is_ended()
    }
}

impl<S: JsonSource + ?Sized> Stream for JsonStream<S> {
    type Item = Result<Bytes, JsonError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { cursor, production } = self.get_mut();
        production.poll_chunk(context, |walker| S::walk(cursor, walker))
    }

    /// The number of chunks: at least those that are ready. At most one more than the length of the document takes, if
    /// that is known, since an error counts as an item.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.production.size_hint()
    }
}

impl<S: JsonSource + ?Sized> FusedStream for JsonStream<S> {
    fn is_terminated(&self) -> bool {
        self.production.is_terminated()
    }
}

/// With the feature `http-body`. Pass it to `reqwest::Body::wrap`, to `http_body_util::combinators::BoxBody`, or directly
/// to hyper.
///
/// The size hint is exact once the length of the document is known, so that clients and servers send a
/// `Content-Length`: see [`JsonDocument::count_length`](crate::JsonDocument::count_length). If the document then turns out
/// longer or shorter, the body fails. There are no trailers.
#[cfg(feature = "http-body")]
impl<S: JsonSource + ?Sized> http_body::Body for JsonStream<S> {
    type Data = Bytes;
    type Error = JsonError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, JsonError>>> {
        self.poll_next(context)
            .map(|item| item.map(|chunk| chunk.map(http_body::Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.remaining()
            .map_or_else(http_body::SizeHint::new, http_body::SizeHint::with_exact)
    }
}

impl<S: JsonSource + ?Sized> fmt::Debug for JsonStream<S> {
    /// Omits the value and the bytes, which may be large or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JsonStream")
            .field("source", &format_args!("{}", std::any::type_name::<S>()))
            .field("offset", &self.offset())
            .field("ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}
