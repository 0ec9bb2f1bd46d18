use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::response::Parts;
use hyper::body::Incoming;
use hyper_util::client::legacy::ResponseFuture;

use crate::connection::Connection;
use crate::error::RequestError;
use crate::request_state::{RequestGuard, RequestState};

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
pub(crate) struct PendingResponse {
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
    pub(crate) fn refused(error: RequestError) -> Self {
        Self {
            stage: Stage::Refused(error),
        }
    }

    pub(crate) fn sending(response: ResponseFuture, guard: RequestGuard) -> Self {
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

/// The head of an answer, and its body as it arrives.
///
/// Its `Debug` shows no header values.
pub(crate) struct Response {
    /// Status, version and headers.
    pub(crate) head: Parts,
    /// Errors of its are explained by the guard.
    pub(crate) body: Incoming,
    /// Must live as long as the body is read: dropping it gives up both.
    pub(crate) guard: RequestGuard,
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.head.status)
            .field("version", &self.head.version)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

/// How long after the end of its connection a request may still have an answer, or an error, or another connection: as
/// long as it may take hyper's tasks to hand over what they have.
const GRACE: Duration = Duration::from_secs(2);

/// Notices that a request was lost with its connection.
///
/// hyper hands a request to its connection's task through a channel. If the task ends at that very moment, the request
/// can stay in the channel, and nobody is told: tokio's receiver empties a channel when it is dropped, but for what a
/// sender has announced and not yet put in. Such a request would wait for its deadline, and is one to make again.
#[derive(Default)]
pub(crate) struct LossWatch {
    watched: Option<Watched>,
}

struct Watched {
    connection: Connection,
    lost: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl LossWatch {
    /// Ready when `connection`, the one that the request was given to last, has ended, and the request has stayed without
    /// an end of its own. Whether it has one must be asked before.
    pub(crate) fn poll_lost(
        &mut self,
        connection: Option<Connection>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(connection) = connection else {
            return Poll::Pending;
        };
        let watched = match &mut self.watched {
            Some(watched) if watched.connection.is(&connection) => watched,
            stale => stale.insert(Watched::new(connection)),
        };
        watched.lost.as_mut().poll(context)
    }
}

impl Watched {
    fn new(connection: Connection) -> Self {
        let closed = connection.closed();
        let lost = async move {
            closed.await;
            tokio::time::sleep(GRACE).await;
        };
        Self {
            connection,
            lost: Box::pin(lost),
        }
    }
}

impl fmt::Debug for LossWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LossWatch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::Instant;

    use super::*;

    async fn lost(watch: &mut LossWatch, connection: Option<&Connection>) {
        poll_fn(|context| watch.poll_lost(connection.cloned(), context)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_lost_some_time_after_its_connection() {
        let connection = Connection::default();
        let mut watch = LossWatch::default();
        let started = Instant::now();
        let close = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            connection.set_closed();
        };
        tokio::join!(lost(&mut watch, Some(&connection)), close);
        assert!(started.elapsed() >= Duration::from_secs(60) + GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_moved_on_is_lost_with_the_next_connection_only() {
        let (first, second) = (Connection::default(), Connection::default());
        let mut watch = LossWatch::default();
        first.set_closed();
        let hour = Duration::from_secs(3600);
        let short = GRACE / 2;
        for (connection, patience) in [(None, hour), (Some(&first), short), (Some(&second), hour)] {
            let waited = tokio::time::timeout(patience, lost(&mut watch, connection)).await;
            assert!(waited.is_err());
        }
        second.set_closed();
        lost(&mut watch, Some(&second)).await;
    }
}
