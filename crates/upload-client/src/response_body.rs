use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::connection::{Connection, Kept};
use crate::early_answer::Fact;
use crate::error::{Because, RequestError, Stage, sources};
use crate::request_body::RequestGuard;

/// A request that has an answer, and the connection that it owns. Dropping it gives up both.
pub(crate) struct Exchange {
    pub(crate) guard: RequestGuard,
    pub(crate) connection: Connection,
    /// Where to keep the connection, if it may be kept.
    pub(crate) kept: Option<Arc<Kept>>,
}

impl Exchange {
    /// Keeps the connection, now that the answer was read to its end, if the request was sent to its end as well.
    fn finish(self) {
        let (state, wire) = (&self.guard.0, &self.connection.wire);
        if let Some(kept) = self.kept
            && state.is_sent(wire, self.connection.http2)
            && !wire.is_refused()
        {
            kept.keep(self.connection);
        }
    }

    /// Whether an HTTP/2 answer had ended before this error: then the error is the connection's or the peer's, and was not found
    /// in the answer.
    fn had_ended(&self, error: &hyper::Error, left: Option<u64>) -> bool {
        let mut of_http2 = sources(error).filter_map(|error| error.downcast_ref::<h2::Error>());
        self.connection.http2
            && self.connection.wire.is(Fact::AnswerEnded)
            && left.is_none_or(|left| left == 0)
            && of_http2.all(|error| error.is_io() || error.is_remote())
    }
}

/// The body of an answer, as it arrives.
///
/// When it has been read to its end and the request was sent to its end, the connection is kept for another request.
///
/// # Cancel safety
/// Dropping it before its end gives up the request: see [`UploadClient`](crate::UploadClient).
pub struct ResponseBody {
    /// `None` once the answer has ended.
    exchange: Option<Exchange>,
    inner: Incoming,
    received: u64,
}

impl ResponseBody {
    pub(crate) fn new(inner: Incoming, exchange: Exchange) -> Self {
        Self {
            exchange: Some(exchange),
            inner,
            received: 0,
        }
    }

    /// Returns the error of an answer that cannot be read on, or `None` if it is complete after all.
    fn fail(&mut self, error: hyper::Error) -> Option<RequestError> {
        let exchange = self.exchange.take()?;
        let left = self.inner.size_hint().exact();
        if exchange.had_ended(&error, left) {
            return None;
        }
        let received = self.received;
        let whole = left.map_or(String::new(), |left| format!(" of {}", received + left));
        let what = format!("the answer broke off after {received}{whole} bytes");
        let (state, source) = (&exchange.guard.0, Because::new(what, error));
        let connection = &exchange.connection;
        Some(connection.explain(state, Stage::Answering, source.into()))
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
        if self.exchange.is_none() {
            return Poll::Ready(None);
        }
        Poll::Ready(
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    self.received += frame.data_ref().map_or(0, Bytes::len) as u64;
                    Some(Ok(frame))
                }
                Some(Err(error)) => self.fail(error).map(Err),
                None => {
                    if let Some(exchange) = self.exchange.take() {
                        exchange.finish();
                    }
                    None
                }
            },
        )
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

/// A reader that relies on the announced length, or on there being no body, need not poll for the end.
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
        formatter.write_str("ResponseBody")
    }
}
