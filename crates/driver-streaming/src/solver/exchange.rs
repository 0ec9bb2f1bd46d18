use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::HeaderMap;
use measured_body::{Measurements, Recorder};
use serde_json::value::RawValue;
use tee_stream::Branch;
use tokio::time::Instant;

use super::attempt::{Attempt, AttemptSettings};
use super::exchange_result::ExchangeResult;
use super::retry_schedule::RetrySchedule;
use super::solver::Solver;
use crate::document::{DocumentDigest, DocumentError};
use crate::feed::Feed;
use crate::outcome::SolverStatus;
use crate::progress::ProgressTrack;
use upload_client::HttpClient;

/// How often a request may find that the one which was connecting for it was given up, before that counts as an attempt.
/// Only requests by the same client can do that to one another, each once; a pipeline lends a client to one at a time.
const RESTARTS: u32 = 16;

/// All that passed between the pipeline and one engine for one document: one attempt, or several.
pub(crate) struct Exchange {
    attempts: u32,
    measurements: Arc<OnceLock<Measurements>>,
    result: ExchangeResult,
    elapsed: Duration,
    digest: Option<DocumentDigest>,
    encoding: Option<&'static str>,
}

/// What bounds an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeLimits {
    pub(crate) deadline: Instant,
    /// It is the solver's own time limit, which ends before the deadline of all.
    pub(crate) deadline_is_own: bool,
    pub(crate) answer_bytes: usize,
}

/// What an exchange is made of.
pub(crate) struct ExchangeSetup<'a> {
    pub(crate) client: &'a HttpClient,
    pub(crate) solver: &'a Solver,
    pub(crate) headers: HeaderMap,
    pub(crate) feed: Feed,
    /// The first attempt's: it has to be there before any branch is polled.
    pub(crate) branch: Branch<DocumentError>,
    pub(crate) limits: ExchangeLimits,
    pub(crate) track: &'a ProgressTrack,
}

impl Exchange {
    /// Sends the document and reads the answer; again, as the solver's settings say, where nothing came of it.
    ///
    /// A retry reads the document from byte 0, from the window if that still has it and by another production if not.
    /// Each attempt's body is recorded by a recorder of its own. Cancel safe: dropped half-way, the body is freed and the
    /// connection closed.
    pub(crate) async fn run<R>(setup: ExchangeSetup<'_>, recorder: impl Fn() -> R) -> Self
    where
        R: Recorder + Send + Sync + 'static,
    {
        let ExchangeSetup {
            client,
            solver,
            mut headers,
            feed,
            branch,
            limits,
            track,
        } = setup;
        headers.extend(solver.headers().clone());
        let settings = AttemptSettings {
            client,
            solver,
            headers: &headers,
            feed: &feed,
            limits,
            track,
        };
        let started = Instant::now();
        let mut schedule = RetrySchedule::new(solver.retries(), limits.deadline);
        let mut next = schedule.next();
        let (mut attempts, mut restarts) = (1, 0);
        let mut branch = branch;
        let attempt = loop {
            let attempt = settings.run(branch, recorder(), next).await;
            if attempt.end.was_not_begun() && restarts < RESTARTS {
                // No attempt of this solver's.
                restarts += 1;
            } else if let Some(then) = attempt.end.again_at(next) {
                tracing::debug!(
                    solver = solver.name(),
                    attempts,
                    pause = ?then.saturating_duration_since(Instant::now()),
                    "nothing came of the request, it is made again"
                );
                tokio::time::sleep_until(then).await;
                attempts += 1;
                track.restart();
                next = schedule.next();
            } else {
                break attempt;
            }
            branch = feed.branch(solver.name(), solver.lag_policy());
        };
        let Attempt { measurements, end } = attempt;
        let elapsed = started.elapsed();
        Self {
            attempts,
            measurements,
            result: ExchangeResult::of(end, elapsed, limits),
            elapsed,
            digest: feed.digest(),
            encoding: feed.codec().and_then(|codec| codec.content_encoding()),
        }
    }

    /// How many requests were made.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What happened to the last request's body.
    pub(crate) fn measurements(&self) -> Option<&Measurements> {
        self.measurements.get()
    }

    /// From the start of the first request to the end of the answer, or to when it was given up.
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The digest of the raw document, once somebody has come to its end.
    pub(crate) fn digest(&self) -> Option<DocumentDigest> {
        self.digest
    }

    /// How requests were encoded.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        self.encoding
    }

    pub(crate) fn status(&self) -> SolverStatus {
        self.result.status
    }

    pub(crate) fn http_status(&self) -> Option<u16> {
        self.result.http_status
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.result.error.as_deref()
    }

    pub(crate) fn into_response(self) -> Option<Box<RawValue>> {
        self.result.response
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use chunked_writer::JsonDocument;
    use futures_util::FutureExt;
    use http::Method;
    use http_body_util::{BodyExt, Empty};
    use measured_body::ProductionMeter;

    use super::*;
    use crate::dispatch::Dispatch;
    use crate::feed::{Feeds, Reader, TeeSettings};
    use crate::progress::Progress;
    use upload_client::{ClientSettings, OutgoingRequest};

    #[tokio::test]
    async fn requests_of_others_that_are_given_up_cannot_hold_it_up_for_ever() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let solver = Solver::new("a", &endpoint).unwrap();
        let solver = solver.with_http2().with_retries(0);
        let client = HttpClient::new(&ClientSettings::default()).unwrap();
        let dispatch = Dispatch::new(JsonDocument::new(0));
        let reader = Reader {
            share: dispatch.share_of(&solver),
            codec: None,
        };
        let readers = std::slice::from_ref(&reader);
        let settings = TeeSettings {
            window_bytes: 1 << 20,
            digest: false,
        };
        let feeds = Feeds::new(&dispatch, readers, &ProductionMeter::new(), settings);
        let feed = feeds.feed(&reader).unwrap();
        let progress = Progress::new(["a".to_owned()]);
        let track = progress.track(0);
        let setup = ExchangeSetup {
            client: &client,
            solver: &solver,
            headers: HeaderMap::new(),
            branch: feed.branch("a", None),
            feed,
            limits: ExchangeLimits {
                deadline: Instant::now() + Duration::from_secs(3600),
                deadline_is_own: false,
                answer_bytes: 1000,
            },
            track: &track,
        };
        let other = || {
            let request = OutgoingRequest {
                method: Method::POST,
                url: solver.url(),
                headers: HeaderMap::new(),
                http2: true,
            };
            let body = Empty::new().map_err(|never| match never {});
            client.send(request, body.boxed_unsync())
        };
        let mut connecting = other();
        assert!((&mut connecting).now_or_never().is_none());
        let mut exchange = Box::pin(Exchange::run(setup, || ()));
        for restarts in 0..=RESTARTS {
            let Poll::Pending = futures_util::poll!(&mut exchange) else {
                panic!("it has ended after {restarts} restarts");
            };
            // The next is there before the exchange looks for another.
            drop(connecting);
            connecting = other();
            assert!((&mut connecting).now_or_never().is_none());
        }
        let Poll::Ready(exchange) = futures_util::poll!(&mut exchange) else {
            panic!("it goes on");
        };
        assert_eq!(exchange.attempts(), 1);
        assert_eq!(exchange.status(), SolverStatus::Failed);
        assert!(exchange.error().unwrap().contains("given up"));
    }
}
