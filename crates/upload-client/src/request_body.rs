use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::early_answer::{Fact, Wire};
use crate::error::{BoxError, Sent};

type AnyBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// A body of any data and error.
struct Erased<B>(Pin<Box<B>>);

#[deny(clippy::missing_trait_methods)]
impl<B> Body for Erased<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.0.as_mut().poll_frame(context));
        // No copy where it is `Bytes` already.
        let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(bytes)).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// A request's body on its way through hyper: a handle on the body itself, which the request's state holds.
///
/// hyper moves a body into the connection's task. When the request is given up, that task would drop the body when it next
/// runs; until then the body would keep what it holds. Giving up drops it at once, from outside, and the next poll is an
/// error, so that the request cannot end well.
pub(crate) struct TrackedBody {
    state: Arc<RequestState>,
    wire: Arc<Wire>,
}

#[deny(clippy::missing_trait_methods)]
impl Body for TrackedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut held = self.state.lock();
        let is_current = self.is_current(&held);
        let Some(body) = held.body.as_mut().filter(|_| is_current) else {
            // An HTTP/2 stream is reset for this reason.
            return Poll::Ready(Some(Err(h2::Error::from(h2::Reason::CANCEL).into())));
        };
        if self.wire.is_refused() {
            // Nobody takes it; and the end of the answer, or of the connection, is the end of this as well.
            held.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        // One that panics in a task of HTTP/2's would leave its stream as it is, and both sides waiting.
        let polled = catch_unwind(AssertUnwindSafe(|| body.as_mut().poll_frame(context)))
            .unwrap_or_else(|_panic| Poll::Ready(Some(Err("it panicked".into()))));
        let whole = matches!(polled, Poll::Ready(None)) || is_whole(body);
        held.touched = true;
        held.whole |= whole;
        match polled {
            Poll::Pending => {
                held.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Poll::Ready(Some(Err(error))) => {
                held.error = Some(error);
                Poll::Ready(Some(Err("the body failed".into())))
            }
            ready => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        let mut held = self.state.lock();
        held.whole |= held.body.as_ref().is_some_and(is_whole);
        held.body.as_ref().is_some_and(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.state.lock().body.as_ref().map(Body::size_hint);
        hint.unwrap_or_default()
    }
}

/// hyper drops a body without asking for its end as soon as a known length has been sent.
fn is_whole(body: &AnyBody) -> bool {
    body.is_end_stream() || body.size_hint().upper() == Some(0)
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        let held = self.state.lock();
        // An untouched body may be sent on another connection.
        let ends = held.touched && self.is_current(&held);
        drop(held);
        if ends {
            self.state.drop_body();
        }
    }
}

impl TrackedBody {
    /// Whether the request has not been handed to another connection since.
    fn is_current(&self, held: &Held) -> bool {
        held.wire
            .as_ref()
            .is_some_and(|wire| Arc::ptr_eq(wire, &self.wire))
    }
}

/// What a request's body, which hyper owns, and the request's owner share.
///
/// It is locked while the body is polled, so giving up waits for one poll at most. A body must not give up its own request
/// from its own poll.
pub(crate) struct RequestState(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// `None` once it is dropped.
    body: Option<AnyBody>,
    /// The connection that has the body.
    wire: Option<Arc<Wire>>,
    /// The body was polled.
    touched: bool,
    /// The body was taken to its end.
    whole: bool,
    error: Option<BoxError>,
    waker: Option<Waker>,
}

impl RequestState {
    pub(crate) fn new<B>(body: B) -> Arc<Self>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body: AnyBody = Box::pin(Erased(Box::pin(body)));
        Arc::new(Self(Mutex::new(Held {
            body: Some(body),
            ..Held::default()
        })))
    }

    /// Gives the body to a connection, and takes it from any other.
    pub(crate) fn body(self: &Arc<Self>, wire: &Arc<Wire>) -> TrackedBody {
        self.lock().wire = Some(Arc::clone(wire));
        TrackedBody {
            state: Arc::clone(self),
            wire: Arc::clone(wire),
        }
    }

    /// Drops the body, whose next poll is an error.
    fn drop_body(&self) {
        let mut held = self.lock();
        let (body, waker) = (held.body.take(), held.waker.take());
        // Both run foreign code: outside the lock.
        drop(held);
        drop(body);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn is_untouched(&self) -> bool {
        !self.lock().touched
    }

    /// Whether the request was sent to its end on `wire`, as far as the kernel or hyper's last buffer.
    pub(crate) fn is_sent(&self, wire: &Wire, http2: bool) -> bool {
        if http2 {
            wire.is(Fact::RequestEnded)
        } else {
            self.lock().whole
        }
    }

    /// How much of the request may have reached the peer on `wire`.
    pub(crate) fn sent(&self, wire: &Wire, http2: bool) -> Sent {
        match (wire.is(Fact::Written), self.is_sent(wire, http2)) {
            (false, _) => Sent::Nothing,
            (true, false) => Sent::Part,
            (true, true) => Sent::Whole,
        }
    }

    pub(crate) fn take_error(&self) -> Option<BoxError> {
        self.lock().error.take()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // No foreign code panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in progress, which is given up when this is dropped.
pub(crate) struct RequestGuard(pub(crate) Arc<RequestState>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.drop_body();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use http_body_util::{BodyExt, Full};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::early_answer::WireStream;

    async fn wire() -> (WireStream, Arc<Wire>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Wire::new(TcpStream::connect(address).await.unwrap())
    }

    /// The task of a connection that is gone may have it for longer than the request's owner waits.
    #[tokio::test]
    async fn a_body_belongs_to_the_last_connection() {
        let ((_one, first), (_other, second)) = (wire().await, wire().await);
        let state = RequestState::new(Full::new(Bytes::from_static(b"small")));
        let mut left_over = state.body(&first);
        let body = state.body(&second);
        let mut context = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut left_over).poll_frame(&mut context);
        assert!(matches!(polled, Poll::Ready(Some(Err(_)))));
        assert!(state.is_untouched());
        assert_eq!(body.size_hint().exact(), Some(5));
        let mut body = body;
        let polled = Pin::new(&mut body).poll_frame(&mut context);
        assert!(matches!(polled, Poll::Ready(Some(Ok(_)))));
        drop(left_over);
        assert!(body.collect().await.unwrap().to_bytes().is_empty());
    }

    /// Shows that nothing is left by its length or by `is_end_stream`, and before it is asked once more.
    struct Once {
        data: Option<Bytes>,
        has_length: bool,
    }

    impl Body for Once {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
        }

        fn is_end_stream(&self) -> bool {
            !self.has_length && self.data.is_none()
        }

        fn size_hint(&self) -> SizeHint {
            if self.has_length {
                SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
            } else {
                SizeHint::new()
            }
        }
    }

    #[tokio::test]
    async fn a_body_is_sent_when_nothing_is_left_of_it() {
        for has_length in [false, true] {
            let (_stream, wire) = wire().await;
            let data = Some(Bytes::from_static(b"small"));
            let state = RequestState::new(Once { data, has_length });
            let mut body = state.body(&wire);
            assert!(!body.is_end_stream() && !state.is_sent(&wire, false));
            assert_eq!(
                body.frame().await.unwrap().unwrap().into_data().unwrap(),
                "small"
            );
            assert!(state.is_sent(&wire, false));
            assert_eq!(body.is_end_stream(), !has_length);
        }
    }
}
