use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body::Body;
use measured_body::{MeasuredBody, Measurements, Recorder};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::answer::read_answer;
use super::solver::Solver;
use crate::body::CancellableBody;
use crate::error_chain::error_chain;
use crate::outcome::SolverStatus;
use crate::progress::{ProgressTrack, Stage};

/// One request to one engine, from its body to its answer.
pub(crate) struct Exchange {
    measurements: Arc<OnceLock<Measurements>>,
    result: ExchangeResult,
    elapsed: Duration,
}

/// What bounds a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeLimits {
    pub(crate) deadline: Instant,
    pub(crate) answer_bytes: usize,
}

struct ExchangeResult {
    status: SolverStatus,
    http_status: Option<u16>,
    response: Option<Box<RawValue>>,
    error: Option<String>,
}

impl Exchange {
    /// Sends `body` and reads the answer. Cancel safe: dropped half-way, the body is freed and the connection closed.
    ///
    /// `recorder` is told what happened to the body, as the exchange itself is.
    pub(crate) async fn run<B, R>(
        client: &reqwest::Client,
        solver: &Solver,
        headers: HeaderMap,
        body: B,
        limits: ExchangeLimits,
        track: &ProgressTrack,
        recorder: R,
    ) -> Self
    where
        B: Body<Data = bytes::Bytes> + Send + 'static,
        R: Recorder + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let measurements = Arc::new(OnceLock::new());
        let recorded = Arc::clone(&measurements);
        let keep = move |found: &Measurements| {
            let _only_report = recorded.set(found.clone());
        };
        let measured = MeasuredBody::new(body, (keep, recorder));
        let (body, owner) = CancellableBody::new(measured, track.clone());
        let started = Instant::now();
        let answered = OnceLock::new();
        let sent = send(
            client,
            solver,
            headers,
            body,
            limits.answer_bytes,
            track,
            &answered,
        );
        let result = match tokio::time::timeout_at(limits.deadline, sent).await {
            Ok(result) => result,
            Err(_elapsed) => ExchangeResult::late(answered.get().copied(), started.elapsed()),
        };
        // From here on nothing more is sent, and the body's report is there.
        drop(owner);
        Self {
            measurements,
            result,
            elapsed: started.elapsed(),
        }
    }

    pub(crate) fn measurements(&self) -> Option<&Measurements> {
        self.measurements.get()
    }

    /// From the start of the request to the end of the answer, or to when it was given up.
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
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

async fn send<B>(
    client: &reqwest::Client,
    solver: &Solver,
    headers: HeaderMap,
    body: B,
    answer_bytes: usize,
    track: &ProgressTrack,
    answered: &OnceLock<StatusCode>,
) -> ExchangeResult
where
    B: Body<Data = bytes::Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    track.set_stage(Stage::Sending);
    let request = client
        .post(solver.url().clone())
        .headers(headers)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(reqwest::Body::wrap(body));
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return ExchangeResult::failed(None, error_chain(&error.without_url())),
    };
    track.set_stage(Stage::Answering);
    let status = response.status();
    let _first = answered.set(status);
    let http_status = Some(status.as_u16());
    match read_answer(response, answer_bytes).await {
        Ok(response) => ExchangeResult {
            status: if status.is_success() {
                SolverStatus::Ok
            } else {
                SolverStatus::Failed
            },
            http_status,
            response: Some(response),
            error: (!status.is_success()).then(|| format!("the engine answered {status}")),
        },
        Err(error) if status.is_success() => {
            ExchangeResult::failed(http_status, error_chain(&error))
        }
        Err(error) => {
            let message = format!("the engine answered {status}: {}", error_chain(&error));
            ExchangeResult::failed(http_status, message)
        }
    }
}

impl ExchangeResult {
    /// At the deadline: what an answer of which only the head came has said counts all the same.
    fn late(answered: Option<StatusCode>, after: Duration) -> Self {
        let after = after.as_millis();
        let (status, error) = match answered {
            None => (
                SolverStatus::TimedOut,
                format!("no answer within the deadline, after {after} ms"),
            ),
            Some(code) => {
                let error = format!(
                    "the engine answered {code}, and its answer did not end within the deadline, after {after} ms"
                );
                let status = if code.is_success() {
                    SolverStatus::TimedOut
                } else {
                    SolverStatus::Failed
                };
                (status, error)
            }
        };
        Self {
            status,
            http_status: answered.map(|code| code.as_u16()),
            response: None,
            error: Some(error),
        }
    }

    fn failed(http_status: Option<u16>, error: String) -> Self {
        Self {
            status: SolverStatus::Failed,
            http_status,
            response: None,
            error: Some(error),
        }
    }
}
