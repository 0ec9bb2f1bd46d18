use std::sync::Arc;

use super::RequestError;
use super::request_state::RequestState;

/// Gives up a request when dropped: an HTTP/1 connection is closed at once, an HTTP/2 stream is reset, and nothing is
/// left of the request, whatever the peer does.
#[derive(Debug)]
#[must_use = "dropping it gives up the request"]
pub struct RequestGuard {
    /// `None` once finished.
    state: Option<Arc<RequestState>>,
}

impl RequestGuard {
    pub(super) fn new(state: Arc<RequestState>) -> Self {
        Self { state: Some(state) }
    }

    /// Says that the answer has been read, to its end: the connection may serve another request.
    ///
    /// It may only if the whole request has been taken from its body, and no more than the kernel's buffers hold is
    /// still to be sent. Otherwise the rest is given up, as on drop.
    pub fn finished(mut self) {
        if let Some(state) = self.state.take() {
            state.finish();
        }
    }

    /// What `error`, met when the answer's body was read, comes from.
    pub fn explain(&self, error: hyper::Error) -> RequestError {
        let body = self
            .state
            .as_ref()
            .and_then(|state| state.take_body_error());
        RequestError::from_answer(error, body)
    }

    /// Whether the whole request has been taken from its body.
    pub(super) fn request_is_whole(&self) -> bool {
        self.state().is_some_and(RequestState::body_is_whole)
    }

    pub(super) fn state(&self) -> Option<&RequestState> {
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
