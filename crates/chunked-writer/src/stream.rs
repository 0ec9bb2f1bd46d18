//! The chunks of a document, and the sources it can be made from.

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

/// The source of a [`JsonDocument`](crate::JsonDocument): any `Serialize` value, or [`LazyJson`](crate::LazyJson).
///
/// This trait is sealed and cannot be implemented outside this crate.
#[expect(private_bounds, reason = "that seals it")]
pub trait JsonSource: Walk {}

impl<S: Walk + ?Sized> JsonSource for S {}

/// How a production obtains the bytes.
pub(crate) trait Walk {
    /// What a document keeps, and what each production starts from.
    type Origin: Clone;
    /// What one production writes.
    type Cursor: Unpin;
    /// Whether a production can resume from the path of a checkpoint.
    const RESUMES_FROM_PATH: bool;

    fn start(origin: &Self::Origin) -> Self::Cursor;

    /// Writes until the walker stops it. The next call continues from there.
    fn walk(cursor: &mut Self::Cursor, walker: &mut Walker) -> Result<Written, Unwind>;
}

/// The walker finds the way back into a value by itself.
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
/// its own. A chunk is produced when it is requested. One poll writes at most 64 KiB, plus the rest of the current map key
/// or `Display` output. A poll that does not complete a chunk wakes its task and returns `Pending`. Returning to a position
/// in a map, or in any other container that cannot be indexed, takes time for each child before it.
///
/// After the end or an error, the stream yields `None`. If `Serialize` panics, the panic reaches the caller and the next
/// poll yields [`JsonError::Poisoned`]. To cancel a stream, drop it.
///
/// With the feature `http-body`, this is also an `http_body::Body`.
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

    /// Produces the next chunk synchronously, whatever its size. A stream never waits for anything. Returns `None` at the
    /// end and after an error.
    ///
    /// # Errors
    ///
    /// The same errors as those of the stream.
    ///
    /// # Panics
    ///
    /// If `Serialize` panics.
    pub fn next_chunk(&mut self) -> Option<Result<Bytes, JsonError>> {
        let cursor = &mut self.cursor;
        self.production.next_chunk(|walker| S::walk(cursor, walker))
    }

    /// Returns the offset in the document of the next byte that the stream yields.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.production.offset()
    }

    /// Returns how many bytes are left, if the length of the document is known. Returns `None` if only an error is left.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.production.remaining()
    }

    /// Returns whether nothing is left, not even an error.
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

    /// Counts chunks. The lower bound is the number of ready chunks. If the length of the document is known, the upper bound
    /// is one more than the remaining chunks, because an error counts as an item.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.production.size_hint()
    }
}

impl<S: JsonSource + ?Sized> FusedStream for JsonStream<S> {
    fn is_terminated(&self) -> bool {
        self.production.is_terminated()
    }
}

/// Requires the feature `http-body`. Pass the stream to `reqwest::Body::wrap`, to `axum::body::Body::new`, to
/// `http_body_util::combinators::BoxBody`, or directly to hyper.
///
/// Once the length of the document is known, the size hint is exact, and clients and servers send a `Content-Length`: see
/// [`JsonDocument::count_length`](crate::JsonDocument::count_length). If the document then turns out longer or shorter,
/// the body fails. There are no trailers.
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
