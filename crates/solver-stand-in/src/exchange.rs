use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_LENGTH, HeaderMap, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::builder::{AnswerFault, EarlyAnswer, Fault, StandInBuilder};
use super::content_encoding::Coding;
use super::read_faults::Received;
use super::report::{KeptRequest, Reporter};
use super::server::Connection;

/// How many decoded bytes are hashed at once.
const BUFFER: usize = 16 * 1024;

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Reads, reports and answers one request, with the faults of its script.
pub(super) async fn exchange(
    request: Request<Incoming>,
    connection: Arc<Connection>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let number = connection.requests.fetch_add(1, Ordering::Relaxed);
    let chosen = connection.chosen.for_request(&head, number);
    let callbacks = connection.chosen.callbacks.clone();
    let (coding, name) = Coding::of(&head.headers);
    let refusal = refusal(&head.method, coding, &chosen.headers);
    let kept = callbacks.on_kept.is_some().then(|| {
        Arc::new(Mutex::new(KeptRequest {
            head,
            connection: connection.number,
            body: Vec::new(),
            complete: false,
            error: None,
        }))
    });
    let received = Received::new(body, &chosen, kept.clone()).into_stream();
    let mut reading = Reading {
        decoded: coding.decode(StreamReader::new(Box::pin(received))),
        reporter: Reporter::new(name, kept, callbacks),
        connection: Arc::clone(&connection),
    };
    match reading.read().await {
        Ok(None) => {}
        Ok(Some(EarlyAnswer::ThenClose)) => drop(reading),
        Ok(Some(EarlyAnswer::ThenHold)) => connection.spawn(async move {
            // Move all of it, not just the connection.
            let held = reading;
            held.connection.peer_gone().await;
            held.connection.reset();
        }),
        Ok(Some(EarlyAnswer::ThenRead)) => connection.spawn(async move {
            // The answer does not depend on the rest.
            let _read = reading.read().await;
        }),
        // If the connection is broken too, nobody receives this.
        Err(_) => return Ok(empty(StatusCode::BAD_REQUEST)),
    }
    if let Some(refusal) = refusal {
        return Ok(refusal);
    }
    if chosen.resets_when_read {
        connection.reset();
        return pending().await;
    }
    // Even a sleep of zero waits for the next millisecond of the clock.
    if !chosen.delay.is_zero() {
        tokio::time::sleep(chosen.delay).await;
    }
    Ok(answer(&chosen))
}

/// A body that is being read. If it were dropped before its end, hyper would read on or close the connection.
struct Reading {
    decoded: Pin<Box<dyn AsyncRead + Send>>,
    reporter: Reporter,
    connection: Arc<Connection>,
}

impl Reading {
    /// Reads to the end in constant memory, or to the offset of an early answer. Reports the request, unless there is more to
    /// read.
    ///
    /// # Errors
    ///
    /// If the body is truncated, or does not match its `Content-Encoding`.
    async fn read(&mut self) -> io::Result<Option<EarlyAnswer>> {
        let mut buffer = vec![0; BUFFER];
        let error = loop {
            match self.decoded.read(&mut buffer).await {
                Ok(0) => {
                    self.reporter.report(true);
                    return Ok(None);
                }
                Ok(read) => self.reporter.update(&buffer[..read]),
                Err(error) => break error,
            }
        };
        let fault = Fault::of(&error);
        if fault != Some(Fault::Answer(EarlyAnswer::ThenRead)) {
            self.reporter.report(false);
        }
        match fault {
            None => return Err(error),
            Some(Fault::Answer(then)) => return Ok(Some(then)),
            Some(Fault::Stall) => self.connection.peer_gone().await,
            Some(Fault::Reset) => {}
        }
        self.connection.reset();
        // The connection drops this future.
        pending().await
    }
}

/// Returns the answer to a request that no solver accepts.
fn refusal(method: &Method, coding: Coding, headers: &HeaderMap) -> Option<Answer> {
    if method != Method::POST {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        let post = HeaderValue::from_static("POST");
        response.headers_mut().insert(ALLOW, post);
        return Some(response);
    }
    let accepted = headers.get(ACCEPT_ENCODING);
    (!coding.is_among(accepted)).then(|| {
        let mut response = empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let accepted = accepted.map(|accepted| (ACCEPT_ENCODING, accepted.clone()));
        response.headers_mut().extend(accepted);
        response
    })
}

fn empty(status: StatusCode) -> Answer {
    let body = Full::default().map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Returns the answer of the script, with its fault.
fn answer(chosen: &StandInBuilder) -> Answer {
    let mut response = empty(chosen.status_code());
    response.headers_mut().clone_from(&chosen.headers);
    let whole = chosen.response.clone();
    let length = whole.len();
    *response.body_mut() = match chosen.answer_fault {
        Some((bytes, fault)) if bytes < length => {
            // The body is shorter than this length.
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
            let begun = Some(whole.slice(..bytes)).filter(|begun| !begun.is_empty());
            let begun = stream::iter(begun.map(|begun| Ok(Frame::data(begun))));
            let rest = stream::once(async move {
                match fault {
                    AnswerFault::Stall => pending().await,
                    // Close later, so that the bytes before are sent.
                    AnswerFault::Close => tokio::task::yield_now().await,
                }
                Err(io::Error::other("the answer ends here, as the script says"))
            });
            StreamBody::new(begun.chain(rest)).boxed_unsync()
        }
        _ => Full::new(whole)
            .map_err(|never| match never {})
            .boxed_unsync(),
    };
    response
}
