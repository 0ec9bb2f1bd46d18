//! Request bodies: decompresses them, and reads the rest of those that nobody reads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use chunked_writer::DEFAULT_CHUNK_SIZE;
use futures_util::TryStreamExt;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use tokio::io::AsyncRead;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::io::{ReaderStream, StreamReader};

use super::error;

/// Limits of reading the rest of a body that nobody reads, so that its sender gets to read the answer.
const FORGOTTEN_LIMIT: Duration = Duration::from_secs(2);
const FORGOTTEN_BYTES: usize = 64 * 1024 * 1024;
/// The binary logarithm of the largest zstd window, 8 MiB, as RFC 9659 has it. The decoder's own limit is 128 MiB.
const WINDOW_LOG: u32 = 23;

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
/// The codings that the service accepts.
const TAKEN: HeaderValue = HeaderValue::from_static("gzip, zstd, br");

/// Decompresses the body.
pub(super) async fn decompressed(request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let coding = head.headers.remove(CONTENT_ENCODING).unwrap_or(IDENTITY);
    let coding = coding.as_bytes().trim_ascii().to_ascii_lowercase();
    let read = |body: Body| StreamReader::new(body.map_err(io::Error::other).into_data_stream());
    let body = match coding.as_slice() {
        b"" | b"identity" => body,
        b"gzip" | b"x-gzip" => {
            let mut decoder = GzipDecoder::new(read(body));
            decoder.multiple_members(true);
            decoded(decoder)
        }
        b"zstd" => {
            let window = DParameter::window_log_max(WINDOW_LOG);
            let mut decoder = ZstdDecoder::with_params(read(body), &[window]);
            decoder.multiple_members(true);
            decoded(decoder)
        }
        b"br" => {
            let mut decoder = BrotliDecoder::new(read(body));
            decoder.multiple_members(true);
            decoded(decoder)
        }
        _ => {
            let why = "the Content-Encoding must be gzip, zstd, br or identity";
            let mut response = error(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
            response.headers_mut().insert(ACCEPT_ENCODING, TAKEN);
            return response;
        }
    };
    next.run(Request::from_parts(head, body)).await
}

fn decoded(decoder: impl AsyncRead + Send + 'static) -> Body {
    let size = DEFAULT_CHUNK_SIZE.get();
    Body::from_stream(ReaderStream::with_capacity(decoder, size))
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
