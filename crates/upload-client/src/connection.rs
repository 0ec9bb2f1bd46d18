use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use crate::early_answer::Wire;
use crate::error::{BoxError, Cause, ConnectError, RequestError, Stage};
use crate::http2_ends::Http2Ends;
use crate::request_body::{RequestState, TrackedBody};

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
    wire: Arc<Wire>,
    protocol: Protocol,
    /// It has served a request before.
    reused: bool,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<TrackedBody>),
    Http2(http2::SendRequest<TrackedBody>),
}

/// What a connection is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    pub(crate) http2: bool,
    /// It goes to a proxy that makes requests in our place.
    pub(crate) forwarding: bool,
    /// How long the connection is kept that nobody uses.
    pub(crate) idle_timeout: Duration,
}

impl Connection {
    /// Begins HTTP on `stream`, which ends in `wire`.
    pub(crate) async fn begin(
        stream: Box<dyn Stream>,
        wire: Arc<Wire>,
        protocol: Protocol,
    ) -> Result<Self, ConnectError> {
        let ended = {
            let wire = Arc::clone(&wire);
            async move { wire.unused(protocol.idle_timeout).await }
        };
        let handshake = |source| ConnectError::Handshake { source };
        let (sender, task) = if protocol.http2 {
            let stream = TokioIo::new(Http2Ends::new(stream, Arc::clone(&wire)));
            let mut builder = http2::Builder::new(TokioExecutor::new());
            let (sender, connection) = builder
                .timer(TokioTimer::new())
                .handshake(stream)
                .await
                .map_err(handshake)?;
            let task = tokio::spawn(async move {
                select(pin!(connection), pin!(ended)).await;
            });
            (Sender::Http2(sender), task)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(handshake)?;
            let task = tokio::spawn(async move {
                select(pin!(connection), pin!(ended)).await;
            });
            (Sender::Http1(sender), task)
        };
        Ok(Self {
            sender: Some(sender),
            task,
            wire,
            protocol,
            reused: false,
        })
    }

    /// Sends a request, and waits for the head of its answer. To be called once after the connection was made or taken up.
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
        // Does not wait for the peer: kept connections are in a hurry to get rid of the last request.
        match self.sender.as_mut()? {
            Sender::Http1(sender) => sender.ready().await.ok()?,
            Sender::Http2(sender) => sender.ready().await.ok()?,
        }
        if self.is_closed() || self.wire.is_stale() {
            return None;
        }
        self.wire.begin_request();
        self.reused = true;
        Some(self)
    }

    /// What it means that the request of `state` failed on this connection.
    pub(crate) fn failure(
        &self,
        state: &RequestState,
        cause: Cause,
        stage: Stage,
        source: BoxError,
    ) -> RequestError {
        if let Some(source) = state.take_error() {
            return RequestError::Body { source };
        }
        let wire = &self.wire;
        let sent = state.sent(wire, self.is_http2());
        match cause {
            Cause::NotHttp2 => RequestError::NotHttp2 { source },
            Cause::Connection if self.reused && !wire.was_answered() => {
                RequestError::Stale { sent, source }
            }
            Cause::Connection if self.is_http2() && !wire.was_heard() => {
                RequestError::Unheard { sent, source }
            }
            Cause::Connection => RequestError::Disconnected {
                stage,
                sent,
                source,
            },
            Cause::Other => RequestError::Protocol {
                stage,
                sent,
                source,
            },
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.protocol.http2
    }

    pub(crate) fn is_forwarding(&self) -> bool {
        self.protocol.forwarding
    }

    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    pub(crate) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_http2() {
            self.wire.hurry();
        } else {
            self.task.abort();
        }
    }
}
