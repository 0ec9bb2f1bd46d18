use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper_util::client::legacy::connect::CaptureConnection;

use crate::connection::{Connection, ConnectionHandle};
use crate::error::{BodyFailed, BoxError, GivenUp, RequestError};

/// The body of a request, whatever its type and that of its error.
type AnyBody = Pin<Box<dyn PollBody + Send>>;

/// A body of any error, in one box.
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
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_ended(&self) -> bool {
        self.is_end_stream()
    }

    fn left(&self) -> SizeHint {
        self.size_hint()
    }
}

/// A request's body on its way through the HTTP client: a handle on the body itself, which the request's state holds.
///
/// An HTTP client moves a body into the connection's task. When the request is given up, that task drops the body when it
/// next runs; until then the body would keep what it holds. Giving up drops it at once, from outside, and the next poll is
/// an error, so that the connection breaks instead of ending well.
///
/// It is also the one part of a request that the connection's own task touches: by it, the request learns which
/// connection has taken it up, at the moment when it does.
#[derive(Debug)]
pub(crate) struct TrackedBody {
    state: Arc<RequestState>,
}

impl TrackedBody {
    pub(crate) fn new(state: Arc<RequestState>) -> Self {
        Self { state }
    }
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
            return Poll::Ready(Some(Err(GivenUp.into())));
        }
        let mut held = state.lock_body();
        let Some(body) = held.as_mut() else {
            return Poll::Ready(Some(Err(GivenUp.into())));
        };
        match ready!(body.as_mut().poll(context)) {
            Some(Ok(frame)) => {
                state.note_end(body);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                state.lock().body_error = Some(error);
                Poll::Ready(Some(Err(BodyFailed.into())))
            }
            None => {
                state.lock().body_is_whole = true;
                Poll::Ready(None)
            }
        }
    }

    /// hyper asks this when a connection takes up the request, and before it does anything else with it.
    fn is_end_stream(&self) -> bool {
        self.state.claim();
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
        self.state.drop_body();
    }
}

/// What a request's body, wherever the HTTP client has it, and the request's owner know in common.
pub(crate) struct RequestState {
    fields: Mutex<Fields>,
    /// Held while the body is polled: whoever gives up waits for that, at most for the production of one chunk. A body must
    /// not give up its own request out of its own poll. `None` once it is dropped.
    body: Mutex<Option<AnyBody>>,
}

#[derive(Default)]
struct Fields {
    /// Tells the connection that was chosen; it may be another one until one takes the request up.
    capture: Option<CaptureConnection>,
    /// The connection that has taken the request up.
    connection: Option<ConnectionHandle>,
    given_up: bool,
    body_is_whole: bool,
    body_error: Option<BoxError>,
    body_waker: Option<Waker>,
}

impl RequestState {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body: AnyBody = Box::pin(body);
        Self {
            fields: Mutex::default(),
            body: Mutex::new(Some(body)),
        }
    }

    pub(crate) fn set_capture(&self, capture: CaptureConnection) {
        self.lock().capture = Some(capture);
    }

    /// Takes hold of the connection, when it takes up the request.
    pub(crate) fn claim(&self) {
        let mut fields = self.lock();
        // HTTP/2 may still move a request to another connection.
        if fields
            .connection
            .as_ref()
            .is_some_and(|connection| !connection.is_multiplexed())
        {
            return;
        }
        let handle = fields.chosen().map(|connection| connection.claim());
        fields.connection.clone_from(&handle);
        let given_up = fields.given_up;
        drop(fields);
        if given_up && let Some(handle) = handle {
            handle.abort();
        }
    }

    /// The connection that the request was given to last.
    pub(crate) fn connection(&self) -> Option<Connection> {
        self.lock().chosen()
    }

    /// Breaks an HTTP/1 connection, drops the body, and makes it fail, which resets an HTTP/2 stream.
    pub(crate) fn give_up(&self) {
        let mut fields = self.lock();
        fields.given_up = true;
        let waker = fields.body_waker.take();
        let connection = fields.connection.clone();
        drop(fields);
        if let Some(connection) = connection {
            connection.abort();
        }
        self.drop_body();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Drops the body, and lets the connection go if nothing of the request is left in it; else gives it up.
    pub(crate) fn finish(&self) {
        let fields = self.lock();
        let connection = fields.connection.clone();
        let is_whole = fields.body_is_whole;
        drop(fields);
        match connection {
            Some(connection) if is_whole && !connection.write_failed() => {
                connection.finish();
                self.drop_body();
            }
            _ => self.give_up(),
        }
    }

    /// Sees to it that `waker` is woken when the request is given up; says whether it is already.
    pub(crate) fn register(&self, waker: &Waker) -> bool {
        let mut fields = self.lock();
        if fields.given_up {
            return true;
        }
        let replaced = match &fields.body_waker {
            Some(known) if known.will_wake(waker) => None,
            _ => fields.body_waker.replace(waker.clone()),
        };
        drop(fields);
        drop(replaced);
        false
    }

    fn note_end(&self, body: &AnyBody) {
        // hyper drops a body without asking for its end as soon as a known length has been sent.
        if body.is_ended() || body.left().upper() == Some(0) {
            self.lock().body_is_whole = true;
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

    pub(crate) fn take_body_error(&self) -> Option<BoxError> {
        self.lock().body_error.take()
    }

    fn lock(&self) -> MutexGuard<'_, Fields> {
        // Nothing of others runs while it is held.
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fields {
    fn chosen(&self) -> Option<Connection> {
        let connected = self.capture.as_ref()?.connection_metadata();
        connected.as_ref().and_then(Connection::of)
    }
}

impl fmt::Debug for RequestState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.lock();
        formatter
            .debug_struct("RequestState")
            .field("connection", &fields.connection)
            .field("given_up", &fields.given_up)
            .field("body_is_whole", &fields.body_is_whole)
            .finish_non_exhaustive()
    }
}

/// Gives up a request when dropped: an HTTP/1 connection is closed at once, an HTTP/2 stream is reset, and nothing is
/// left of the request, whatever the peer does.
#[derive(Debug)]
#[must_use = "dropping it gives up the request"]
pub(crate) struct RequestGuard {
    /// `None` once finished.
    state: Option<Arc<RequestState>>,
}

impl RequestGuard {
    pub(crate) fn new(state: Arc<RequestState>) -> Self {
        Self { state: Some(state) }
    }

    /// Says that the answer has been read, to its end: the connection may serve another request.
    ///
    /// It may only if the whole request has been taken from its body, and no more than the kernel's buffers hold is
    /// still to be sent. Otherwise the rest is given up, as on drop.
    pub(crate) fn finished(mut self) {
        if let Some(state) = self.state.take() {
            state.finish();
        }
    }

    /// What `error`, met when the answer's body was read, comes from.
    pub(crate) fn explain(&self, error: hyper::Error) -> RequestError {
        let body = self
            .state
            .as_ref()
            .and_then(|state| state.take_body_error());
        RequestError::from_answer(error, body)
    }

    pub(crate) fn state(&self) -> Option<&RequestState> {
        self.state.as_deref()
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            state.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Poll;

    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn tracked<B>(body: B) -> (TrackedBody, RequestGuard)
    where
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let state = Arc::new(RequestState::new(body));
        (
            TrackedBody::new(Arc::clone(&state)),
            RequestGuard::new(state),
        )
    }

    #[tokio::test]
    async fn is_the_inner_body_until_it_is_given_up() {
        let inner = Full::new(Bytes::from_static(b"whole"));
        let (mut body, _guard) = tracked(inner);
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!body.is_end_stream());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "whole");
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn giving_up_frees_the_inner_body_and_wakes_the_reader() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let never = futures_util::stream::poll_fn(
            move |_| -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
                let _held = &kept;
                Poll::Pending
            },
        );
        let (mut body, guard) = tracked(StreamBody::new(never));
        let reader = tokio::spawn(async move { body.frame().await });
        tokio::task::yield_now().await;
        drop(guard);
        assert_eq!(Arc::strong_count(&held), 1);
        let ended = reader.await.unwrap();
        assert_eq!(
            ended.unwrap().unwrap_err().to_string(),
            "the request was given up"
        );
    }
}
