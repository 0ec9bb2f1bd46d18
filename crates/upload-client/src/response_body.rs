use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::connection::Connection;
use crate::error::{BrokeOff, Cause, RequestError, Stage, sources};
use crate::keep_alive::Kept;
use crate::request_body::RequestGuard;
use crate::target::Server;

/// A request that has an answer, and the connection that it owns. Dropping it gives up both.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) guard: RequestGuard,
    pub(crate) connection: Connection,
    pub(crate) kept: Arc<Kept>,
    pub(crate) server: Server,
}

impl Exchange {
    /// Keeps the connection, now that the answer was read to its end, if the request was sent to its end as well.
    fn finish(self) {
        let (state, wire) = (&self.guard.0, self.connection.wire());
        if state.is_sent(wire, self.connection.is_http2()) && !wire.is_refused() {
            self.kept.keep(self.server, self.connection);
        }
    }

    /// Whether an HTTP/2 answer had ended before this error, which then says nothing of it.
    fn had_ended(&self, error: &hyper::Error, left: Option<u64>) -> bool {
        let wire = self.connection.wire();
        let is_the_connections = || {
            sources(error)
                .find_map(|error| error.downcast_ref::<h2::Error>())
                .is_some_and(|error| error.is_io() || error.is_remote())
        };
        self.connection.is_http2()
            && wire.answer_ended.load(Ordering::SeqCst)
            && left.is_none_or(|left| left == 0)
            && is_the_connections()
    }
}

/// The body of an answer, as it arrives.
///
/// Once it has been read to its end, its connection may serve another request, if the whole request was sent by then.
///
/// # Cancel safety
/// Dropping it before its end gives up the request: see [`UploadClient`](crate::UploadClient).
pub struct ResponseBody {
    /// `None` once the answer has come to its end.
    exchange: Option<Exchange>,
    inner: Incoming,
    received: u64,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl ResponseBody {
    pub(crate) fn new(
        inner: Incoming,
        exchange: Exchange,
        deadline: Option<Pin<Box<Sleep>>>,
    ) -> Self {
        Self {
            exchange: Some(exchange),
            inner,
            received: 0,
            deadline,
        }
    }

    fn broke_off(&self, exchange: &Exchange, source: hyper::Error) -> RequestError {
        let cause = Cause::of(&source);
        let received = self.received;
        let broke_off = match self.inner.size_hint().exact() {
            Some(left) => BrokeOff::Announced {
                received,
                announced: received + left,
                source,
            },
            None => BrokeOff::Unannounced { received, source },
        };
        let (state, connection) = (&exchange.guard.0, &exchange.connection);
        connection.failure(state, cause, Stage::Answering, broke_off.into())
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for ResponseBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        let this = &mut *self;
        if this.exchange.is_none() {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let Some(deadline) = &mut this.deadline else {
                    return Poll::Pending;
                };
                ready!(deadline.as_mut().poll(context));
                let exchange = this.exchange.take();
                let late = exchange.map(
                    |Exchange {
                         guard, connection, ..
                     }| {
                        let sent = guard.0.sent(connection.wire(), connection.is_http2());
                        let stage = Stage::Answering;
                        Err(RequestError::Deadline { stage, sent })
                    },
                );
                return Poll::Ready(late);
            }
        };
        match frame {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                this.received += length as u64;
                return Poll::Ready(Some(Ok(frame)));
            }
            Some(Err(error)) => {
                let left = this.inner.size_hint().exact();
                if let Some(exchange) = this.exchange.take()
                    && !exchange.had_ended(&error, left)
                {
                    return Poll::Ready(Some(Err(this.broke_off(&exchange, error))));
                }
            }
            None => {
                if let Some(exchange) = this.exchange.take() {
                    exchange.finish();
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none() || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.exchange {
            Some(_) => self.inner.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

/// A reader that trusts in the announced length, or in there being no body, need not poll for the end.
impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.inner.is_end_stream()
            && let Some(exchange) = self.exchange.take()
        {
            exchange.finish();
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseBody")
            .field("received", &self.received)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
