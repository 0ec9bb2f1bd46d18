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
use crate::http_client::HttpClient;
use crate::outcome::SolverStatus;
use crate::progress::ProgressTrack;

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
        let mut schedule = RetrySchedule::new(solver.retries());
        let mut attempts = 1;
        let begin = async |mut branch| {
            loop {
                let attempt = settings.run(branch, recorder()).await;
                // No attempt of this solver's: one that comes too late ends by itself.
                if !attempt.end.was_not_begun() {
                    return attempt;
                }
                branch = feed.branch(solver.name(), solver.lag_policy());
            }
        };
        let mut attempt = begin(branch).await;
        while attempt.end.is_worth_retrying()
            && let Some(pause) = schedule.next(attempt.end.retry_after())
            // What no clock can tell is beyond every deadline.
            && Instant::now()
                .checked_add(pause)
                .is_some_and(|then| then < limits.deadline)
        {
            tracing::debug!(
                solver = solver.name(),
                attempts,
                ?pause,
                "nothing came of the request, it is made again"
            );
            tokio::time::sleep(pause).await;
            attempts += 1;
            track.restart();
            let branch = feed.branch(solver.name(), solver.lag_policy());
            attempt = begin(branch).await;
        }
        let Attempt { measurements, end } = attempt;
        let elapsed = started.elapsed();
        Self {
            attempts,
            measurements,
            result: ExchangeResult::of(end, elapsed),
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
