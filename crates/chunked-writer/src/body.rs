//! The stream as an HTTP body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;

use crate::error::JsonError;
use crate::lazy::LazyStream;
use crate::stream::JsonStream;

/// With the feature `http-body`. Give it to `reqwest::Body::wrap`, to `http_body_util::combinators::BoxBody`, or to hyper as
/// it is.
///
/// The size hint is exact once the length of the document is known, so that servers and clients can send a
/// `Content-Length`: see [`JsonDocument::count_length`](crate::JsonDocument::count_length). A document that then
/// turns out to be longer or shorter fails. There are no trailers.
impl<T: Serialize + ?Sized> Body for JsonStream<T> {
    type Data = Bytes;
    type Error = JsonError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, JsonError>>> {
        Stream::poll_next(self, context).map(|item| item.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining()
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// With the feature `http-body`. The size hint is exact once a stream of the document has come to its end.
impl Body for LazyStream {
    type Data = Bytes;
    type Error = JsonError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, JsonError>>> {
        Stream::poll_next(self, context).map(|item| item.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining()
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
