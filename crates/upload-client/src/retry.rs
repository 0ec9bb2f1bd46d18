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

/// Makes requests again that came to nothing, with any service.
///
/// A request's body is a factory of bodies, `FnMut() -> B`, called for each attempt. Made again are requests whose error may
/// be gone the next time ([`RequestError::may_be_made_again`]; of other services, an [`io::Error`](std::io::Error) among
/// the causes) and those that are answered 429, 502, 503 or 504. What [costs no attempt](costs_no_attempt) is made again at
/// once.
///
/// # Cancel safety
/// Dropping the future drops the attempt that is under way, if one is.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    service: S,
    backoff: ExponentialBuilder,
    limit: Duration,
}

impl<S> Retry<S> {
    /// Two retries with `service` within a minute, after pauses from 50 ms up to a second, and up to as much again at random.
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

    /// How many retries there are, and the pauses before them. A `Retry-After` makes one longer.
    #[must_use]
    pub fn backoff(mut self, backoff: ExponentialBuilder) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long after the first attempt's begin another may begin. Where it could not, its failure is the outcome.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// Whether an attempt says nothing of the server, only of a connection that was kept for too long: it was closed by then,
/// or answered 408. Another is due at once, and need not be counted: there are as many of these in a row as connections
/// were kept.
pub fn costs_no_attempt<B>(outcome: &Result<Response<B>, BoxError>) -> bool {
    match outcome {
        Ok(answer) => {
            answer.status() == StatusCode::REQUEST_TIMEOUT
                && answer.extensions().get::<ReusedConnection>().is_some()
        }
        Err(error) => error
            .downcast_ref::<RequestError>()
            .is_some_and(|error| error.failure == Failure::Stale),
    }
}

/// How long after an outcome to make the request again at the earliest; `None` if it is final.
fn asked_for<B>(outcome: &Result<Response<B>, BoxError>) -> Option<Duration> {
    let may_be_gone = match outcome {
        Ok(answer) => {
            let asked_for = retry_after(answer.headers(), SystemTime::now()).unwrap_or_default();
            return matches!(answer.status().as_u16(), 429 | 502..=504).then_some(asked_for);
        }
        Err(error) => match error.downcast_ref::<RequestError>() {
            Some(error) => error.may_be_made_again(),
            None => sources(&**error)
                .filter_map(|cause| cause.downcast_ref())
                .any(|cause| !is_about_the_bytes(cause)),
        },
    };
    may_be_gone.then_some(Duration::ZERO)
}

/// What the header `Retry-After` asks for: seconds, or until a date in any of its three forms (RFC 9110, 10.2.3). There
/// may be any number of digits: what is more than can be counted is as long as can be.
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
        Box::pin(self.clone().run(request))
    }
}

impl<S> Retry<S> {
    async fn run<F, B, R>(mut self, request: Request<F>) -> Result<Response<R>, BoxError>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Error: Into<BoxError>,
        F: FnMut() -> B,
    {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        let mut pauses = self.backoff.build();
        loop {
            let attempt = async {
                let ready = poll_fn(|context| self.service.poll_ready(context));
                ready.await.map_err(Into::into)?;
                let request = Request::from_parts(head.clone(), body());
                self.service.call(request).await.map_err(Into::into)
            };
            let outcome = attempt.await;
            let wait = if costs_no_attempt(&outcome) {
                Some(Duration::ZERO)
            } else {
                let pause = |asked_for| pauses.next().map(|pause| pause.max(asked_for));
                asked_for(&outcome).and_then(pause)
            };
            let in_time = |wait: &Duration| started.elapsed().saturating_add(*wait) < self.limit;
            let Some(wait) = wait.filter(in_time) else {
                return outcome;
            };
            // Whatever the answer says, nobody waits for it.
            drop(outcome);
            sleep(wait).await;
        }
    }
}
