use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, select};
use http::{HeaderMap, StatusCode};
use measured_body::{Ending, Measurements};
use serde_json::value::RawValue;
use tee_stream::Branch;
use tokio::time::{Instant, sleep_until};

use crate::answer::{discard, read_answer};
use crate::document::DocumentError;
use crate::failure::{SolverFailure, error_chain};
use crate::observer::Stage;
use crate::outcome::{SolverOutcome, SolverStatus, milliseconds};
use crate::request::SolverRequest;
use crate::retry::{Retries, is_busy, is_transient, retry_after};

/// Sends the document and reads the answer, with the retries that the solver's settings allow.
///
/// `branch` is for the first attempt: it has to exist before any branch is polled. A retry reads the document from byte 0,
/// from the window if that still has it and otherwise by another production.
///
/// Cancel safe: dropping it gives up the request, and [`SolverRequest::cancelled`] returns what is known of it.
pub(crate) async fn exchange(
    request: &mut SolverRequest,
    mut branch: Branch<DocumentError>,
) -> SolverOutcome {
    let deadline = Arc::clone(&request.deadline);
    // If it has passed already, nothing is sent.
    if deadline.known() <= Instant::now() {
        return request.late();
    }
    let attempts = async {
        let mut retries = Retries::new(request.solver().retries, deadline.known());
        loop {
            request.record.begin();
            match request.attempt(branch, &mut retries).await {
                ControlFlow::Continue(at) => sleep_until(at).await,
                ControlFlow::Break(end) => return end,
            }
            let reader = &request.record.reader;
            reader.notify(|observer, solver| observer.restarted(solver));
            branch = request.branch(None);
        }
    };
    // The request is dropped, and so given up, before its outcome is made. A head that has arrived by then counts.
    let ended = match select(pin!(attempts), pin!(deadline.passed())).await {
        Either::Left((end, _)) => Some(end),
        Either::Right(_) => None,
    };
    match ended {
        Some(end) => request.ended(end),
        None => request.late(),
    }
}

/// How the last attempt ended: the answer, if it is JSON, and what was wrong.
type AttemptEnd = (Option<Box<RawValue>>, Option<SolverFailure>);

impl SolverRequest {
    /// Returns the outcome of a request that was cancelled.
    pub(crate) fn cancelled(&self) -> SolverOutcome {
        self.ended((None, Some(SolverFailure::Cancelled)))
    }

    /// Returns the outcome at the deadline, perhaps in the middle of an answer.
    fn late(&self) -> SolverOutcome {
        let known = self.record.known().clone();
        let sent = known.last.map(|sent| sent.bytes);
        let failure = SolverFailure::TimedOut {
            limit: self.deadline.limit,
            after: self.started.elapsed(),
            bytes_sent: sent.unwrap_or_default(),
            status: known.status,
        };
        self.ended((None, Some(failure)))
    }

    /// Returns the outcome, given how the last attempt ended.
    fn ended(&self, (response, failure): AttemptEnd) -> SolverOutcome {
        let known = self.record.end();
        let measured = known.last;
        let time = |pick: fn(&Measurements) -> Option<Duration>| {
            measured.as_ref().and_then(pick).map(milliseconds)
        };
        let ending = measured.as_ref().map(|found| found.ending);
        let digest = || self.source.digest().map(|digest| digest.sha256());
        let outcome = SolverOutcome {
            name: self.solver().name().to_owned(),
            url: self.solver().shown_url(),
            status: failure
                .as_ref()
                .map_or(SolverStatus::Ok, SolverFailure::status),
            http_status: known.status.map(|status| status.as_u16()),
            attempts: known.attempts,
            encoding: self.encoding(),
            bytes_sent: measured.as_ref().map(|found| found.bytes),
            document_sha256: ending
                .filter(|ending| ending.is_whole())
                .and_then(|_| digest()),
            ending,
            to_first_poll_ms: time(|found| found.to_first_poll),
            sending_ms: time(|found| found.transmission),
            busy_ms: time(|found| Some(found.busy)),
            waiting_for_data_ms: time(|found| Some(found.producer_wait)),
            waiting_for_solver_ms: time(|found| Some(found.consumer_wait)),
            delivered_ms: known.delivered.map(|at| milliseconds(at - self.started)),
            thinking_ms: known.delivered.map(|at| {
                let until = known.answered.unwrap_or(at);
                milliseconds(until.saturating_duration_since(at))
            }),
            waited_ms: milliseconds(known.waited),
            waited_for_ms: milliseconds(known.waited_for),
            total_ms: milliseconds(self.started.elapsed()),
            response,
            error: failure.as_ref().map(|failure| error_chain(failure)),
            failure,
        };
        let reader = &self.record.reader;
        reader.notify(|observer, solver| observer.solver_ended(solver, &outcome));
        reader.ended(outcome.status == SolverStatus::Ok);
        outcome
    }

    /// Sends the document that `branch` reads, and reads the answer. Returns how that ended, or when to retry.
    ///
    /// Cancel safe: dropping it gives up the request.
    async fn attempt(
        &mut self,
        branch: Branch<DocumentError>,
        retries: &mut Retries,
    ) -> ControlFlow<AttemptEnd, Instant> {
        let length = match self.announced_length().await {
            Ok(length) => length,
            Err(error) => {
                let failure = SolverFailure::Document(error.into());
                return ControlFlow::Break((None, Some(failure)));
            }
        };
        self.record.reader.entered(Stage::Sending);
        let response = (self.setup.client)(self.request(branch, length)).await;
        #[cfg(feature = "client")]
        if upload_client::costs_no_attempt(&response) {
            self.record.known().attempts -= 1;
            return ControlFlow::Continue(Instant::now());
        }
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                let ending = self.record.ending();
                if ending != Some(Ending::Failed)
                    && is_transient(&*error)
                    && let Some(at) = retries.next(None)
                {
                    return ControlFlow::Continue(at);
                }
                let failure = match ending {
                    Some(Ending::Failed) => SolverFailure::Document(error),
                    Some(Ending::NeverPolled) => SolverFailure::NotConnected(error),
                    _ => SolverFailure::Broken(error),
                };
                return ControlFlow::Break((None, Some(failure)));
            }
        };
        let (head, body) = response.into_parts();
        let status = head.status;
        self.record.answer_begins(status);
        if self.solver().learns_encoding && self.learn(status, &head.headers) {
            self.record.known().attempts -= 1;
            return ControlFlow::Continue(Instant::now());
        }
        if is_busy(status) {
            // Its body is not waited for.
            let asked_for = retry_after(&head.headers, SystemTime::now());
            if let Some(at) = retries.next(asked_for) {
                let ending = self.record.ending();
                if ending.is_some_and(|ending| ending.is_whole()) {
                    discard(body, at).await;
                }
                return ControlFlow::Continue(at);
            }
        }
        let (start, content) = read_answer(&head.headers, body, self.answer_bytes).await;
        let (response, problem) = match content {
            Ok(response) => (Some(response), None),
            Err(problem) => (None, Some(problem)),
        };
        let is_ok = status.is_success() && problem.is_none();
        // A refusal may be written in any way.
        let problem = problem.filter(|problem| status.is_success() || !problem.is_form());
        let failure = (!is_ok).then_some(SolverFailure::Answered {
            status,
            start,
            problem,
        });
        ControlFlow::Break((response, failure))
    }

    /// Learns from the head of an answer what the engine takes. Returns `true` if it refused the encoding. The document is not
    /// compressed from then on.
    fn learn(&mut self, status: StatusCode, headers: &HeaderMap) -> bool {
        let (endpoint, learned) = (&self.solver().endpoint.uri, &self.setup.learned_encodings);
        learned.answered(endpoint, headers);
        match self.encoding() {
            Some(encoding) if status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                learned.refused(endpoint, encoding);
                self.source.encoded = None;
                true
            }
            _ => false,
        }
    }
}
