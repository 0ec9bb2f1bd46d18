use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, RETRY_AFTER};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};
use tower_service::Service;

use crate::error::{BoxError, Failure, RequestError, is_about_the_bytes, sources};
use crate::service::ReusedConnection;

/// Makes requests again that came to nothing, with any service.
///
/// A request's body is a factory of bodies, `FnMut() -> B`, called for each attempt. Made again are requests whose error may
/// be gone the next time ([`RequestError::may_be_made_again`]; of other services, an [`io::Error`](std::io::Error) among
/// the causes) and those that are answered 429, 502, 503 or 504. What [costs no attempt](costs_no_attempt) is made again at
/// once.
///
/// # Cancel safety
/// Dropping the future drops the attempt that is under way, if one is.
#[derive(Clone)]
pub struct Retry<S> {
    service: S,
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    limit: Duration,
    is_transient: Arc<Rule>,
}

type Rule = dyn Fn(&(dyn Error + 'static)) -> bool + Send + Sync;

impl<S> Retry<S> {
    /// Three attempts with `service` within a minute, and pauses of 50 ms to 1 s.
    pub fn new(service: S) -> Self {
        Self {
            service,
            attempts: 3,
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(1),
            limit: Duration::from_secs(60),
            is_transient: Arc::new(is_transient),
        }
    }

    /// How many attempts there are in all.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The pauses between attempts: each is twice the one before, from `first` to `longest`, and up to as much again at
    /// random. A `Retry-After` makes one longer.
    #[must_use]
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }

    /// How long after the first attempt's begin another may begin. Where it could not, its failure is the outcome.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Which errors may be gone the next time.
    #[must_use]
    pub fn retry_if(
        mut self,
        is_transient: impl Fn(&(dyn Error + 'static)) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.is_transient = Arc::new(is_transient);
        self
    }

    /// How long after an outcome to make the request again at the earliest; `None` if it is final.
    fn asked_for<B>(&self, outcome: &Result<Response<B>, BoxError>) -> Option<Duration> {
        match outcome {
            Ok(answer) => matches!(answer.status().as_u16(), 429 | 502..=504)
                .then(|| retry_after(answer.headers(), SystemTime::now()).unwrap_or_default()),
            Err(error) => (self.is_transient)(&**error).then_some(Duration::ZERO),
        }
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
            .is_some_and(|error| error.failure() == Failure::Stale),
    }
}

fn is_transient(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<RequestError>() {
        Some(error) => error.may_be_made_again(),
        None => sources(error)
            .filter_map(|cause| cause.downcast_ref())
            .any(|cause| !is_about_the_bytes(cause)),
    }
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

/// Between nothing and all of `most`, and nobody can guess it from others: the keys for hash maps come from the system.
fn jitter(most: Duration) -> Duration {
    most.mul_f64(RandomState::new().hash_one(0) as f64 / u64::MAX as f64)
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
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send>>;

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
        let mut left = self.attempts.saturating_sub(1);
        let mut pause = self.first_pause;
        loop {
            let outcome = attempt(&mut self.service, head.clone(), body()).await;
            let mut wait = Duration::ZERO;
            if !costs_no_attempt(&outcome) {
                match self.asked_for(&outcome) {
                    Some(asked_for) if left > 0 => wait = (pause + jitter(pause)).max(asked_for),
                    _ => return outcome,
                }
                left -= 1;
                pause = (pause * 2).min(self.longest_pause);
            }
            if started.elapsed().saturating_add(wait) >= self.limit {
                return outcome;
            }
            // Whatever the answer says, nobody waits for it.
            drop(outcome);
            sleep(wait).await;
        }
    }
}

async fn attempt<S, B>(service: &mut S, head: Parts, body: B) -> Result<S::Response, BoxError>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    poll_fn(|context| service.poll_ready(context))
        .await
        .map_err(Into::into)?;
    service
        .call(Request::from_parts(head, body))
        .await
        .map_err(Into::into)
}

impl<S: fmt::Debug> fmt::Debug for Retry<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Retry")
            .field("service", &self.service)
            .field("attempts", &self.attempts)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
