use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body that ends with an error the moment its owner says so, whoever holds it by then.
///
/// An HTTP client moves a body into the connection's task. When the request is given up, that task drops the body
/// when it next runs; until then the body would hold its place in the window. Cancelling drops the inner body at
/// once, from outside, and the next poll is an error, so that the connection breaks instead of ending well.
///
/// Whoever cancels waits for a poll that is under way, at most for the production of one chunk, so that the body is gone
/// and has reported how it ended when that returns. A body must not cancel itself out of its own poll.
///
/// After its first chunk it lets others run once: the client sends that chunk off instead of filling its buffer first, and
/// with many solvers the last one's first byte need not wait for all that the others could take at once.
pub struct CancellableBody<B> {
    shared: Arc<Shared<B>>,
    announces_length: bool,
    start: Start,
}

/// How far a body has begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    NoChunk,
    OneChunk,
    Done,
}

/// The owner's side of a [`CancellableBody`]: dropping it cancels the body.
pub struct CancelOnDrop<B> {
    shared: Arc<Shared<B>>,
}

struct Shared<B> {
    /// Held while the inner body is polled.
    state: Mutex<State<B>>,
}

struct State<B> {
    /// `None` once cancelled.
    inner: Option<Pin<Box<B>>>,
    waker: Option<Waker>,
}

/// The error of a body that was cancelled.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up")]
pub struct BodyCancelled;

impl<B> CancellableBody<B> {
    /// The body to send, and its owner's side.
    pub fn new(inner: B) -> (Self, CancelOnDrop<B>) {
        let state = State {
            inner: Some(Box::pin(inner)),
            waker: None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
        });
        (
            Self {
                shared: Arc::clone(&shared),
                announces_length: false,
                start: Start::NoChunk,
            },
            CancelOnDrop { shared },
        )
    }

    /// Says how long it is, if the inner body does, so that the request has a `Content-Length`.
    pub fn announcing_length(mut self) -> Self {
        self.announces_length = true;
        self
    }
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        // A panic in the inner body's poll is that body's affair: it poisons itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Drop for CancelOnDrop<B> {
    fn drop(&mut self) {
        let (inner, waker) = {
            let mut state = self.shared.lock();
            (state.inner.take(), state.waker.take())
        };
        // Both run code of others: outside the lock.
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B> Body for CancellableBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.start == Start::OneChunk {
            self.start = Start::Done;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut state = self.shared.lock();
        let Some(inner) = state.inner.as_mut() else {
            return Poll::Ready(Some(Err(BodyCancelled.into())));
        };
        let polled = inner.as_mut().poll_frame(context);
        let replaced = match polled {
            Poll::Pending => state.waker.replace(context.waker().clone()),
            Poll::Ready(_) => state.waker.take(),
        };
        drop(state);
        drop(replaced);
        if self.start == Start::NoChunk && matches!(polled, Poll::Ready(Some(Ok(_)))) {
            self.start = Start::OneChunk;
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.shared
            .lock()
            .inner
            .as_ref()
            .is_some_and(|inner| inner.is_end_stream())
    }

    /// Nothing unless it was asked for: whether the length happens to be known when a request starts depends on how far
    /// other readers are, and a request's framing must not.
    fn size_hint(&self) -> SizeHint {
        match &self.shared.lock().inner {
            Some(inner) if self.announces_length => inner.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt;
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    #[tokio::test]
    async fn is_the_inner_body_until_cancelled() {
        let (mut body, owner) = CancellableBody::new(Full::new(Bytes::from_static(b"whole")));
        assert_eq!(body.size_hint().exact(), None);
        assert!(!body.is_end_stream());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "whole");
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
        drop(owner);
    }

    #[tokio::test]
    async fn cancelling_frees_the_inner_body_and_wakes_the_reader() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let never = futures_util::stream::poll_fn(
            move |_| -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
                let _held = &kept;
                Poll::Pending
            },
        );
        let (body, owner) = CancellableBody::new(StreamBody::new(never));
        let reader = tokio::spawn(async move {
            let mut body = body;
            body.frame().await
        });
        tokio::task::yield_now().await;
        drop(owner);
        assert_eq!(Arc::strong_count(&held), 1);
        let ended = reader.await.unwrap();
        assert_eq!(
            ended.unwrap().unwrap_err().to_string(),
            "the request was given up"
        );
    }

    #[test]
    fn after_its_first_chunk_it_lets_others_run_once() {
        let chunks = ["a", "b", "c"]
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
        let body = StreamBody::new(futures_util::stream::iter(chunks));
        let (mut body, _owner) = CancellableBody::new(body);
        let mut polls = std::iter::from_fn(|| match body.frame().now_or_never() {
            None => Some(None),
            Some(Some(frame)) => Some(frame.unwrap().into_data().ok()),
            Some(None) => None,
        });
        let found: Vec<_> = polls.by_ref().collect();
        let chunk = |chunk: &'static str| Some(Bytes::from_static(chunk.as_bytes()));
        assert_eq!(found, [chunk("a"), None, chunk("b"), chunk("c")]);
    }
}
