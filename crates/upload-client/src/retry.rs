use std::error::Error;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::BoxFuture;
use http::header::{HeaderMap, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};
use tower_service::Service;

use crate::client::ReusedConnection;
use crate::error::{BoxError, Failure, RequestError, is_about_the_bytes, sources};

/// A layer that repeats failed requests, around any service.
///
/// The request's body is a factory of bodies, `FnMut() -> B`, called for each attempt; a factory that can fail returns a body
/// that fails. Repeats requests that are answered 429, 502, 503 or 504, and those whose error
/// [may be gone the next time](RequestError::may_be_made_again) (of other services, any with an
/// [`io::Error`](std::io::Error) among its causes), even if the server may have acted on them: only the caller knows
/// which requests are safe to repeat. Repeats at once what [costs no attempt](costs_no_attempt).
///
/// # Cancel safety
/// Dropping the future drops the current attempt, if there is one.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    service: S,
    backoff: ExponentialBuilder,
    limit: Duration,
}

impl<S> Retry<S> {
    /// Retries twice within a minute, after pauses from 50 ms up to a second, each with up to as much again at random.
    pub fn new(service: S) -> Self {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(2)
            .with_jitter();
        Self {
            service,
            backoff,
            limit: Duration::from_secs(60),
        }
    }

    /// Sets how many retries there are, and the pauses before them. A `Retry-After` can make a pause longer.
    #[must_use]
    pub fn backoff(mut self, backoff: ExponentialBuilder) -> Self {
        self.backoff = backoff;
        self
    }

    /// Limits how long after the first attempt another may start. A retry that would start later is not waited for: the
    /// last attempt's outcome is returned at once.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// Whether an attempt failed only because its connection was idle for too long: the server had closed it, or answered 408.
///
/// Such an attempt can be repeated at once and need not be counted: there are at most as many in a row as idle connections.
pub fn costs_no_attempt<B>(outcome: &Result<Response<B>, BoxError>) -> bool {
    match outcome {
        Ok(answer) => {
            answer.status() == StatusCode::REQUEST_TIMEOUT
                && answer.extensions().get::<ReusedConnection>().is_some()
        }
        Err(error) => of_this_client(error).is_some_and(|error| error.failure == Failure::Stale),
    }
}

/// The shortest pause before the request is repeated; `None` if the outcome is final.
fn asked_for<B>(outcome: &Result<Response<B>, BoxError>) -> Option<Duration> {
    let may_be_gone = match outcome {
        Ok(answer) => {
            let asked_for = retry_after(answer.headers(), SystemTime::now()).unwrap_or_default();
            return matches!(answer.status().as_u16(), 429 | 502..=504).then_some(asked_for);
        }
        Err(error) => match of_this_client(error) {
            Some(error) => error.may_be_made_again(),
            None => sources(&**error)
                .filter_map(|cause| cause.downcast_ref())
                .any(|cause| !is_about_the_bytes(cause)),
        },
    };
    may_be_gone.then_some(Duration::ZERO)
}

/// This client's error, inside those of any layers.
fn of_this_client(error: &BoxError) -> Option<&RequestError> {
    sources(&**error).find_map(<dyn Error>::downcast_ref)
}

/// The pause that a `Retry-After` header asks for: seconds, or a date in any of the three forms (RFC 9110, 10.2.3).
///
/// A number that is too large becomes the longest pause that can be expressed; a date in the past, none.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

impl<S, F, B, R> Service<Request<F>> for Retry<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    F: FnMut() -> B + Send + 'static,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<R>, BoxError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each attempt waits for the service by itself.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<F>) -> Self::Future {
        let mut retry = self.clone();
        Box::pin(async move {
            let started = Instant::now();
            let (head, mut body) = request.into_parts();
            let mut pauses = retry.backoff.build();
            loop {
                let attempt = async {
                    let ready = poll_fn(|context| retry.service.poll_ready(context));
                    ready.await.map_err(Into::into)?;
                    let request = Request::from_parts(head.clone(), body());
                    retry.service.call(request).await.map_err(Into::into)
                };
                let outcome = attempt.await;
                let wait = if costs_no_attempt(&outcome) {
                    Some(Duration::ZERO)
                } else {
                    let pause = |asked_for| pauses.next().map(|pause| pause.max(asked_for));
                    asked_for(&outcome).and_then(pause)
                };
                let in_time =
                    |wait: &Duration| started.elapsed().saturating_add(*wait) < retry.limit;
                let Some(wait) = wait.filter(in_time) else {
                    return outcome;
                };
                // The answer's body is not wanted.
                drop(outcome);
                sleep(wait).await;
            }
        })
    }
}
