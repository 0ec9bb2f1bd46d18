use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::ResponseFuture;

use super::loss_watch::LossWatch;
use super::request_state::RequestState;
use super::{RequestError, RequestGuard, Response};

/// A request that has no answer yet. It is sent while this is polled, and by its connection's task.
///
/// Ready when the head of an answer has come, even if the body has not been sent whole by then.
///
/// # Cancel safety
/// Dropping it gives up the request: see [`RequestGuard`].
///
/// # Panics
/// When polled after it was ready.
#[must_use = "nothing is sent unless it is polled"]
pub struct PendingResponse {
    stage: Stage,
}

enum Stage {
    Refused(RequestError),
    Sending {
        response: ResponseFuture,
        guard: RequestGuard,
        watch: LossWatch,
    },
    Done,
}

impl PendingResponse {
    pub(super) fn refused(error: RequestError) -> Self {
        Self {
            stage: Stage::Refused(error),
        }
    }

    pub(super) fn sending(response: ResponseFuture, guard: RequestGuard) -> Self {
        Self {
            stage: Stage::Sending {
                response,
                guard,
                watch: LossWatch::default(),
            },
        }
    }
}

impl Future for PendingResponse {
    type Output = Result<Response, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.stage {
            Stage::Sending {
                response,
                guard,
                watch,
            } => match Pin::new(response).poll(context) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => {
                    let connection = guard.state().and_then(RequestState::connection);
                    ready!(watch.poll_lost(connection, context));
                    None
                }
            },
            Stage::Refused(_) | Stage::Done => None,
        };
        Poll::Ready(
            match (std::mem::replace(&mut self.stage, Stage::Done), answer) {
                (Stage::Sending { guard, .. }, Some(Ok(answer))) => {
                    let (head, body) = answer.into_parts();
                    Ok(Response { head, body, guard })
                }
                (Stage::Sending { guard, .. }, Some(Err(error))) => {
                    let body = guard.state().and_then(|state| state.take_body_error());
                    Err(RequestError::from_client(error, body))
                }
                (Stage::Sending { guard, .. }, None) => {
                    let body = guard.state().and_then(|state| state.take_body_error());
                    Err(RequestError::from_loss(body))
                }
                (Stage::Refused(error), _) => Err(error),
                (Stage::Done, _) => panic!("polled after it was ready"),
            },
        )
    }
}

impl fmt::Debug for PendingResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PendingResponse")
            .finish_non_exhaustive()
    }
}
