use std::fmt;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::early_answer::Wire;
use crate::error::{BoxError, Sent};

type AnyBody = Pin<Box<dyn PollBody + Send>>;

/// A body of any data and error, in one box.
trait PollBody {
    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>;

    fn is_ended(&self) -> bool;

    fn left(&self) -> SizeHint;
}

impl<B> PollBody for B
where
    B: Body,
    B::Error: Into<BoxError>,
{
    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.poll_frame(context));
        Poll::Ready(frame.map(|frame| match frame {
            // No copy where it is `Bytes` already.
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_ended(&self) -> bool {
        self.is_end_stream()
    }

    fn left(&self) -> SizeHint {
        self.size_hint()
    }
}

/// A request's body on its way through hyper: a handle on the body itself, which the request's state holds.
///
/// hyper moves a body into the connection's task. When the request is given up, that task would drop the body when it next
/// runs; until then the body would keep what it holds. Giving up drops it at once, from outside, and the next poll is an
/// error, so that the request cannot end well.
#[derive(Debug)]
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
        let state = &self.state;
        if state.register(context.waker()) {
            return Poll::Ready(Some(Err(given_up())));
        }
        if self.wire.is_refused() {
            // Nobody takes it; and the end of the answer, or of the connection, is the end of this as well.
            return Poll::Pending;
        }
        let mut held = state.lock_body();
        let Some(body) = held.as_mut() else {
            return Poll::Ready(Some(Err(given_up())));
        };
        state.lock().touched = true;
        match ready!(body.as_mut().poll(context)) {
            Some(Ok(frame)) => {
                state.note_end(body);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                state.lock().error = Some(error);
                Poll::Ready(Some(Err(BodyFailed.into())))
            }
            None => {
                state.lock().whole = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state.lock_body().as_ref().is_some_and(|body| {
            self.state.note_end(body);
            body.is_ended()
        })
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.state.lock_body();
        held.as_ref().map(|body| body.left()).unwrap_or_default()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        // One of which nothing was taken may go by another connection.
        if !self.state.is_untouched() {
            self.state.drop_body();
        }
    }
}

/// What a request's body, wherever hyper has it, and the request's owner know in common.
pub(crate) struct RequestState {
    fields: Mutex<Fields>,
    /// Held while the body is polled: whoever gives up waits for that, at most for the production of one chunk. A body must
    /// not give up its own request out of its own poll. `None` once it is dropped.
    body: Mutex<Option<AnyBody>>,
}

#[derive(Debug, Default)]
struct Fields {
    /// The body was asked for something.
    touched: bool,
    /// It has been taken to its end.
    whole: bool,
    error: Option<BoxError>,
    given_up: bool,
    waker: Option<Waker>,
}

impl RequestState {
    pub(crate) fn new<B>(body: B) -> Arc<Self>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body: AnyBody = Box::pin(body);
        Arc::new(Self {
            fields: Mutex::default(),
            body: Mutex::new(Some(body)),
        })
    }

    /// The body for a connection.
    pub(crate) fn body(self: &Arc<Self>, wire: &Arc<Wire>) -> TrackedBody {
        TrackedBody {
            state: Arc::clone(self),
            wire: Arc::clone(wire),
        }
    }

    /// Drops the body, whose next poll is an error.
    pub(crate) fn give_up(&self) {
        let mut fields = self.lock();
        fields.given_up = true;
        let waker = fields.waker.take();
        drop(fields);
        self.drop_body();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn is_untouched(&self) -> bool {
        !self.lock().touched
    }

    /// Whether the request was sent to its end by `wire`, as far as the kernel or hyper's last buffer.
    pub(crate) fn is_sent(&self, wire: &Wire, http2: bool) -> bool {
        if http2 {
            wire.request_ended.load(Ordering::SeqCst)
        } else {
            self.lock().whole
        }
    }

    /// How much of the request may have reached the peer by `wire`.
    pub(crate) fn sent(&self, wire: &Wire, http2: bool) -> Sent {
        match (wire.was_written(), self.is_sent(wire, http2)) {
            (false, _) => Sent::Nothing,
            (true, false) => Sent::Part,
            (true, true) => Sent::Whole,
        }
    }

    pub(crate) fn take_error(&self) -> Option<BoxError> {
        self.lock().error.take()
    }

    /// Has `waker` woken when the request is given up; says whether it is already.
    fn register(&self, waker: &Waker) -> bool {
        let mut fields = self.lock();
        if fields.given_up {
            return true;
        }
        let replaced = match &fields.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => fields.waker.replace(waker.clone()),
        };
        drop(fields);
        drop(replaced);
        false
    }

    fn note_end(&self, body: &AnyBody) {
        // hyper drops a body without asking for its end as soon as a known length has been sent.
        if body.is_ended() || body.left().upper() == Some(0) {
            self.lock().whole = true;
        }
    }

    fn drop_body(&self) {
        // It runs code of others: outside the lock.
        let body = self.lock_body().take();
        drop(body);
    }

    fn lock_body(&self) -> MutexGuard<'_, Option<AnyBody>> {
        // A panic in the body's poll is that body's affair.
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Fields> {
        // Nothing of others runs while it is held.
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way: gives it up when dropped.
#[derive(Debug)]
pub(crate) struct RequestGuard(pub(crate) Arc<RequestState>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl fmt::Debug for RequestState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.fmt(formatter)
    }
}

/// The error of a body that was dropped; an HTTP/2 stream is reset for its reason.
fn given_up() -> BoxError {
    h2::Error::from(h2::Reason::CANCEL).into()
}

/// Stands for the body's own error, which the request's state keeps.
#[derive(Debug, thiserror::Error)]
#[error("the body failed")]
struct BodyFailed;
