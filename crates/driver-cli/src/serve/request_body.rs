//! Request bodies: decompresses them, and reads the rest of those that nobody reads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use driver_streaming::decode_content;
use futures_util::TryStreamExt;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::error;

/// Limits of reading the rest of a body that nobody reads, so that its sender gets to read the answer.
const FORGOTTEN_LIMIT: Duration = Duration::from_secs(2);
const FORGOTTEN_BYTES: usize = 64 * 1024 * 1024;
/// The codings that the service accepts.
const TAKEN: HeaderValue = HeaderValue::from_static("gzip, zstd, br");

/// Decompresses the body.
pub(super) async fn decompressed(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut codings = head.headers.get_all(CONTENT_ENCODING).iter();
    // A body that is not encoded keeps its length.
    if codings.next().is_none_or(|coding| coding == "identity") && codings.next().is_none() {
        return next.run(Request::from_parts(head, body)).await;
    }
    let encoded = body.map_err(io::Error::other).into_data_stream();
    let Some(decoded) = decode_content(&head.headers, encoded) else {
        let why = "the Content-Encoding must be gzip, zstd, br or identity";
        let response = error(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
        return ([(ACCEPT_ENCODING, TAKEN)], response).into_response();
    };
    let body = Body::from_stream(decoded);
    next.run(Request::from_parts(head, body)).await
}

pub(super) async fn read_to_its_end(request: Request) -> Request {
    request.map(|body| Body::new(ReadToItsEnd(body)))
}

/// A body whose rest is read and discarded, within limits, when it is dropped: a peer that is still sending would not see the
/// answer.
struct ReadToItsEnd(Body);

impl HttpBody for ReadToItsEnd {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.0).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.0 = Body::empty();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for ReadToItsEnd {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.0);
        if let Ok(runtime) = Handle::try_current()
            && !rest.is_end_stream()
        {
            let rest = Limited::new(rest, FORGOTTEN_BYTES).into_data_stream();
            let reading = rest.try_for_each(|_data| async { Ok(()) });
            runtime.spawn(timeout(FORGOTTEN_LIMIT, reading));
        }
    }
}
