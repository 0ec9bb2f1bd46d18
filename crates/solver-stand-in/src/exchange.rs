use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::behaviour::{Behaviour, Fault};
use super::coding::Coding;
use super::connection::Connection;
use super::received::{FaultReached, Received};
use super::reporter::Reporter;

/// Decoded bytes that are hashed at once.
const BUFFER: usize = 16 * 1024;

/// Reads one request, reports it and answers it; or does with its connection what was chosen.
pub(super) async fn exchange(
    request: Request<Incoming>,
    behaviour: Arc<Behaviour>,
    connection: Arc<Connection>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let (coding, name) = Coding::of(&head.headers);
    let mut reporter = Reporter::new(name, Arc::clone(&behaviour.on_request));
    let encoded = StreamReader::new(Box::pin(Received::new(body, &behaviour).into_stream()));
    let mut decoded = coding.decode(encoded);
    let read = hash_all(&mut decoded, &mut reporter).await;
    reporter.finish(read.is_ok());
    if let Err(error) = &read {
        match FaultReached::of(error) {
            // The body is broken, or not what its header says. If the connection is broken too, this goes nowhere.
            None => return Ok(empty(StatusCode::BAD_REQUEST)),
            Some(Fault::Stall) => connection.peer_gone().await,
            Some(Fault::Reset) => {}
        }
        connection.reset();
        // The connection drops this function. The body lives until then: hyper would read on were it gone.
        return pending().await;
    }
    if head.method != Method::POST {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(response);
    }
    if coding == Coding::Unknown {
        return Ok(empty(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    // Even a sleep of no length waits for the clock's next millisecond.
    if !behaviour.delay.is_zero() {
        tokio::time::sleep(behaviour.delay).await;
    }
    let mut response = Response::new(Full::new(behaviour.response.clone()));
    *response.status_mut() = behaviour.status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Reads to the end, in constant memory.
async fn hash_all(
    decoded: &mut (impl AsyncRead + Unpin),
    reporter: &mut Reporter,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match decoded.read(&mut buffer).await? {
            0 => return Ok(()),
            read => reporter.update(&buffer[..read]),
        }
    }
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
