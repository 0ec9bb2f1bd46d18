use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use measured_body::{Ending, Measurements};
use serde_json::value::RawValue;
use tee_stream::Branch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::{AnswerError, discard, read_answer};
use crate::client::BoxError;
use crate::document::DocumentError;
use crate::error_chain::error_chain;
use crate::observer::Stage;
use crate::outcome::{SolverOutcome, SolverStatus, milliseconds};
use crate::request::SolverRequest;
use crate::retry::{Retries, is_busy, retry_after};

/// Sends the document and reads the answer; again, as the solver's settings say, where nothing came of it.
///
/// `branch` is the first attempt's: it has to be there before any branch is polled. A retry reads the document from byte 0,
/// from the window if that still has it and by another production if not.
///
/// Cancel safe: dropped half-way, the request is given up, and [`cancelled`] says what is known of it.
pub(crate) async fn exchange(
    request: &SolverRequest<'_>,
    mut branch: Branch<DocumentError>,
) -> SolverOutcome {
    let started = Instant::now();
    let mut retries = Retries::new(request.solver.retries, request.deadline.at);
    let end = loop {
        request.record.begin();
        let answered = OnceLock::new();
        let attempt = request.attempt(branch, &mut retries, &answered);
        match timeout_at(request.deadline.at, attempt).await {
            Ok(ControlFlow::Continue(at)) => sleep_until(at).await,
            Ok(ControlFlow::Break(end)) => break end,
            Err(_elapsed) => {
                let answered = answered.get().copied();
                break AttemptEnd::Late { answered };
            }
        }
        let reader = &request.record.reader;
        reader.notify(|observer, solver| observer.restarted(solver));
        branch = request.branch();
    };
    let elapsed = started.elapsed();
    let mut outcome = sent(request);
    match end {
        AttemptEnd::Answered { status, content } => {
            outcome.http_status = Some(status.as_u16());
            let refused = (!status.is_success()).then(|| format!("the engine answered {status}"));
            let unusable = content.as_ref().err().map(|error| error_chain(error));
            let failures: Vec<_> = refused.into_iter().chain(unusable).collect();
            if failures.is_empty() {
                outcome.status = SolverStatus::Ok;
            } else {
                outcome.error = Some(failures.join(": "));
            }
            outcome.response = content.ok();
        }
        AttemptEnd::NotAnswered(error) => outcome.error = Some(error_chain(&*error)),
        AttemptEnd::Late { answered } => {
            // What an answer of which only the head came has said counts all the same.
            if answered.is_none_or(|status| status.is_success()) {
                outcome.status = SolverStatus::TimedOut;
            }
            outcome.http_status = answered.map(|status| status.as_u16());
            let (after, limit) = (elapsed.as_millis(), request.deadline.limit);
            outcome.error = Some(match answered {
                None => format!("no answer within {limit}, after {after} ms"),
                Some(status) => format!(
                    "the engine answered {status}, and its answer did not end within {limit}, after {after} ms"
                ),
            });
        }
    }
    outcome.response_ms = outcome.http_status.map(|_| milliseconds(elapsed));
    if outcome.ending.is_some_and(|ending| ending.is_whole()) {
        outcome.document_sha256 = request.source.digest().map(|digest| digest.sha256());
    }
    ended(request, outcome)
}

/// What is known of a request that was cancelled.
pub(crate) fn cancelled(request: &SolverRequest<'_>) -> SolverOutcome {
    let mut outcome = sent(request);
    outcome.status = SolverStatus::Cancelled;
    outcome.error = Some("cancelled before it had answered".to_owned());
    ended(request, outcome)
}

/// What is known of the last request's body; that it has failed is all that is known of its answer.
fn sent(request: &SolverRequest<'_>) -> SolverOutcome {
    let measured = request.record.measurements();
    let time = |pick: fn(&Measurements) -> Option<Duration>| {
        measured.as_ref().and_then(pick).map(milliseconds)
    };
    SolverOutcome {
        name: request.solver.name().to_owned(),
        url: request.solver.shown_url(),
        status: SolverStatus::Failed,
        http_status: None,
        attempts: request.record.attempts(),
        encoding: request.encoding(),
        bytes_sent: measured.as_ref().map(|found| found.bytes),
        document_sha256: None,
        ending: measured.as_ref().map(|found| found.ending),
        to_first_poll_ms: time(|found| found.to_first_poll),
        transmission_ms: time(|found| found.transmission),
        busy_ms: time(|found| Some(found.busy)),
        producer_wait_ms: time(|found| Some(found.producer_wait)),
        consumer_wait_ms: time(|found| Some(found.consumer_wait)),
        response_ms: None,
        response: None,
        error: None,
    }
}

fn ended(request: &SolverRequest<'_>, outcome: SolverOutcome) -> SolverOutcome {
    let reader = &request.record.reader;
    reader.notify(|observer, solver| observer.solver_ended(solver, &outcome));
    reader.ended(outcome.status == SolverStatus::Ok);
    outcome
}

/// How the last attempt ended.
enum AttemptEnd {
    /// There was an answer, or the beginning of one.
    Answered {
        status: StatusCode,
        content: Result<Box<RawValue>, AnswerError>,
    },
    /// There was none.
    NotAnswered(BoxError),
    /// The deadline came first, perhaps in the middle of an answer.
    Late { answered: Option<StatusCode> },
}

impl SolverRequest<'_> {
    /// Sends the document that `branch` reads, and takes the answer; or says when to try again, where that does not count
    /// and there is a retry. The head of the answer comes into `answered` as soon as it is there.
    ///
    /// Cancel safe: dropped half-way, the request is given up.
    async fn attempt(
        &self,
        branch: Branch<DocumentError>,
        retries: &mut Retries,
        answered: &OnceLock<StatusCode>,
    ) -> ControlFlow<AttemptEnd, Instant> {
        let length = match self.announced_length().await {
            Ok(length) => length,
            Err(error) => return ControlFlow::Break(AttemptEnd::NotAnswered(error.into())),
        };
        self.record.reader.entered(Stage::Sending);
        let response = (self.client.call)(self.request(branch, length)).await;
        #[cfg(feature = "client")]
        if upload_client::costs_no_attempt(&response) {
            self.record.uncount();
            return ControlFlow::Continue(Instant::now());
        }
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                let is_transient = self.record.ending() != Some(Ending::Failed)
                    && (self.client.retry_rule)(&*error);
                return match is_transient.then(|| retries.next(None)).flatten() {
                    Some(at) => ControlFlow::Continue(at),
                    None => ControlFlow::Break(AttemptEnd::NotAnswered(error)),
                };
            }
        };
        self.record.reader.entered(Stage::Answering);
        let (head, body) = response.into_parts();
        let status = head.status;
        let _first = answered.set(status);
        if is_busy(status) {
            // Whatever else it says, it is not waited for.
            let asked_for = retry_after(&head.headers, SystemTime::now());
            if let Some(at) = retries.next(asked_for) {
                let ending = self.record.ending();
                if ending.is_some_and(|ending| ending.is_whole()) {
                    discard(body, at).await;
                }
                return ControlFlow::Continue(at);
            }
        }
        let content = read_answer(&head.headers, body, self.answer_bytes).await;
        ControlFlow::Break(AttemptEnd::Answered { status, content })
    }
}
