use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use h2::Reason;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_util::io::InspectReader;

use crate::early_answer::{Fact, Wire};
use crate::error::{BoxError, Failure, RequestError, Stage, sources};
use crate::http2_ends::watch_ends;
use crate::request_body::{RequestState, TrackedBody};
use crate::target::Server;

/// A byte stream below HTTP.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// A connection that serves one request at a time, which owns it.
///
/// Dropping it closes it: HTTP/1.1's at once, with its task; HTTP/2's when its streams are reset and as much of that is
/// written as the kernel takes.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `None` once its task has ended.
    sender: Option<Sender>,
    task: JoinHandle<()>,
    server: Server,
    pub(crate) wire: Arc<Wire>,
    pub(crate) http2: bool,
    /// It has served a request before.
    pub(crate) reused: bool,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<TrackedBody>),
    Http2(http2::SendRequest<TrackedBody>),
}

impl Connection {
    /// Begins HTTP on `stream`, which ends in `wire`. The connection ends after `idle_timeout` without a request.
    pub(crate) async fn begin(
        server: Server,
        stream: Box<dyn Stream>,
        wire: Arc<Wire>,
        http2: bool,
        idle_timeout: Duration,
    ) -> hyper::Result<Self> {
        type Task = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

        let heard = Arc::clone(&wire);
        // Above TLS, whose closing alert is no answer.
        let stream = InspectReader::new(stream, move |bytes| {
            if !bytes.is_empty() {
                heard.note(Fact::Heard);
            }
        });
        let (sender, task): (_, Task) = if http2 {
            let stream = TokioIo::new(watch_ends(stream, &wire));
            let begun = http2::handshake(TokioExecutor::new(), stream).await?;
            (Sender::Http2(begun.0), Box::pin(begun.1))
        } else {
            let begun = http1::handshake(TokioIo::new(stream)).await?;
            (Sender::Http1(begun.0), Box::pin(begun.1))
        };
        let unused = Arc::clone(&wire).unused(idle_timeout);
        let task = async move {
            // Its errors are those of its request.
            select(task, pin!(unused)).await;
        };
        Ok(Self {
            sender: Some(sender),
            task: tokio::spawn(task),
            server,
            wire,
            http2,
            reused: false,
        })
    }

    /// Sends a request, and waits for the head of its answer. Call it once after connecting or [`take_up`](Self::take_up).
    pub(crate) async fn send(
        &mut self,
        request: Request<TrackedBody>,
    ) -> hyper::Result<Response<Incoming>> {
        let response = match self.sender.as_mut() {
            Some(Sender::Http1(sender)) => Either::Left(sender.send_request(request)),
            Some(Sender::Http2(sender)) => Either::Right(sender.send_request(request)),
            None => unreachable!("a connection without a task is not taken up"),
        };
        match select(pin!(response), &mut self.task).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_ended, response)) => {
                // A task may end without having seen the request that was on its way to it. Then this drops it, and the
                // response is an error.
                self.sender = None;
                response.await
            }
        }
    }

    /// Makes a kept connection ready for the next request; `None` if it cannot have any.
    pub(crate) async fn take_up(mut self) -> Option<Self> {
        // Does not wait for the peer: a kept connection does not wait to write the rest of its last request.
        match self.sender.as_mut()? {
            Sender::Http1(sender) => sender.ready().await.ok()?,
            Sender::Http2(sender) => sender.ready().await.ok()?,
        }
        if self.task.is_finished() || self.wire.is_stale() {
            return None;
        }
        self.wire.begin_request();
        self.reused = true;
        Some(self)
    }

    /// Explains why the request of `state` failed on this connection.
    pub(crate) fn explain(
        &self,
        state: &RequestState,
        stage: Stage,
        source: BoxError,
    ) -> RequestError {
        use Failure::{Body, Disconnected, Stale, Unheard};

        // After an orderly GOAWAY, the server has not processed what it did not answer (RFC 9113, 6.8).
        let has_left = sources(&*source)
            .filter_map(|error| error.downcast_ref::<h2::Error>())
            .any(|error| error.is_go_away() && error.reason() == Some(Reason::NO_ERROR));
        let is_unheard = !self.wire.is(Fact::Heard);
        let of_body = state.take_error();
        let failure = match Failure::of(&*source) {
            _ if of_body.is_some() => Body,
            Disconnected if self.reused && (is_unheard || has_left) => Stale,
            Disconnected if self.http2 && is_unheard => Unheard,
            failure => failure,
        };
        RequestError {
            failure,
            stage,
            sent: state.sent(&self.wire, self.http2),
            source: of_body.unwrap_or(source),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.wire.give_up();
        if self.http2 {
            self.wire.hurry();
        } else {
            self.task.abort();
        }
    }
}

/// The idle connections.
#[derive(Debug)]
pub(crate) struct Kept {
    connections: Mutex<Vec<Connection>>,
    /// The maximum for each server.
    limit: usize,
}

impl Kept {
    pub(crate) fn new(limit: usize) -> Self {
        let connections = Mutex::default();
        Self { connections, limit }
    }

    /// Keeps a connection whose last request was sent to its end, and whose answer was read to its end.
    pub(crate) fn keep(&self, connection: Connection) {
        connection.wire.hurry();
        let mut kept = self.lock();
        kept.retain(|other| !other.task.is_finished());
        let same = kept
            .iter()
            .filter(|other| other.server == connection.server);
        if same.count() < self.limit {
            kept.push(connection);
        }
    }

    /// Returns a connection to `server` that can serve a request, the most recent first.
    ///
    /// Cancel safe: dropping the future may close a connection.
    pub(crate) async fn take(&self, server: &Server) -> Option<Connection> {
        loop {
            let connection = {
                let mut kept = self.lock();
                let last = kept.iter().rposition(|other| other.server == *server)?;
                kept.remove(last)
            };
            if let Some(connection) = connection.take_up().await {
                return Some(connection);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        // No foreign code runs while it is held.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
