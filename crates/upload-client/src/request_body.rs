use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

use super::BoxError;
use super::given_up::GivenUp;
use super::request_state::RequestState;

/// The body of a request.
pub type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// A request's body on its way through the HTTP client.
///
/// It is the one part of a request that the connection's own task touches: by it, the request learns which connection
/// has taken it up, at the moment when it does.
#[derive(Debug)]
pub(super) struct TrackedBody {
    inner: RequestBody,
    state: Arc<RequestState>,
}

/// Stands for the body's own error, which its owner keeps.
#[derive(Debug, thiserror::Error)]
#[error("the body failed")]
struct BodyFailed;

impl TrackedBody {
    pub(super) fn new(inner: RequestBody, state: Arc<RequestState>) -> Self {
        Self { inner, state }
    }

    fn note_end(&self) {
        // hyper drops a body without asking for its end as soon as a known length has been sent.
        if self.inner.is_end_stream() || self.inner.size_hint().upper() == Some(0) {
            self.state.set_body_whole();
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for TrackedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.state.register(context.waker()) {
            return Poll::Ready(Some(Err(GivenUp.into())));
        }
        match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => {
                self.note_end();
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                self.state.set_body_error(error);
                Poll::Ready(Some(Err(BodyFailed.into())))
            }
            None => {
                self.state.set_body_whole();
                Poll::Ready(None)
            }
        }
    }

    /// hyper asks this when a connection takes up the request, and before it does anything else with it.
    fn is_end_stream(&self) -> bool {
        self.state.claim();
        self.note_end();
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
