use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT,
};
use http::{Method, Request, StatusCode, Version};
use measured_body::Ending;
use serde_json::value::RawValue;
use tee_stream::Branch;
use tokio::time::Instant;

use crate::answer::{AnswerError, accepted_encodings, discard, read_answer};
use crate::client::{BoxError, Client};
use crate::deadline::Deadline;
use crate::document::DocumentError;
use crate::error_chain::error_chain;
use crate::observer::{ReaderObservers, Stage};
use crate::outcome::{SolverOutcome, SolverStatus, milliseconds};
use crate::request_body::{RequestBody, RequestRecord};
use crate::retry::{Retries, is_busy, retry_after};
use crate::sharing::DocumentSource;
use crate::solver::Solver;

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
    let mut retries = Retries::new(request.solver.retries, request.deadline.at());
    let end = loop {
        match request.attempt(branch, &mut retries).await {
            AttemptEnd::Again { at } => tokio::time::sleep_until(at).await,
            end => break end,
        }
        request
            .reader
            .notify(|observer, solver| observer.restarted(solver));
        branch = request.source.branch_for(request.solver);
    };
    let elapsed = started.elapsed();
    let mut outcome = sent(request);
    match end {
        AttemptEnd::Answered { status, content } => {
            outcome.http_status = Some(status.as_u16());
            let refused = (!status.is_success()).then(|| format!("the engine answered {status}"));
            outcome.error = match &content {
                Ok(_) => refused,
                Err(error) => Some(match refused {
                    Some(refused) => format!("{refused}: {}", error_chain(error)),
                    None => error_chain(error),
                }),
            };
            if outcome.error.is_none() {
                outcome.status = SolverStatus::Ok;
            }
            outcome.response = content.ok();
        }
        AttemptEnd::NotAnswered(error) => outcome.error = Some(error_chain(&*error)),
        AttemptEnd::NotCounted(error) => {
            let error = error_chain(&error);
            outcome.error = Some(format!(
                "the length of the document cannot be counted: {error}"
            ));
        }
        AttemptEnd::Late { answered } => late(&mut outcome, answered, elapsed, request.deadline),
        // The loop goes on.
        AttemptEnd::Again { .. } => {}
    }
    outcome.response_ms = outcome.http_status.map(|_| milliseconds(elapsed));
    if matches!(outcome.ending, Some(Ending::Complete | Ending::Trailers)) {
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

/// At the deadline: what an answer of which only the head came has said counts all the same.
fn late(
    outcome: &mut SolverOutcome,
    answered: Option<StatusCode>,
    after: Duration,
    deadline: Deadline,
) {
    let after = after.as_millis();
    if answered.is_none_or(|status| status.is_success()) {
        outcome.status = SolverStatus::TimedOut;
    }
    outcome.http_status = answered.map(|status| status.as_u16());
    outcome.error = Some(match answered {
        None => format!("no answer within {deadline}, after {after} ms"),
        Some(status) => format!(
            "the engine answered {status}, and its answer did not end within {deadline}, after {after} ms"
        ),
    });
}

/// What is known of the last request's body; that it has failed is all that is known of its answer.
fn sent(request: &SolverRequest<'_>) -> SolverOutcome {
    SolverOutcome {
        attempts: request.record.attempts(),
        encoding: request.encoding(),
        ..SolverOutcome::sent(
            request.solver.name(),
            request.solver.shown_url(),
            SolverStatus::Failed,
            request.record.measurements().as_ref(),
        )
    }
}

fn ended(request: &SolverRequest<'_>, outcome: SolverOutcome) -> SolverOutcome {
    request
        .reader
        .notify(|observer, solver| observer.solver_ended(solver, &outcome));
    request
        .reader
        .entered(if outcome.status == SolverStatus::Ok {
            Stage::Ok
        } else {
            Stage::Failed
        });
    outcome
}

/// What requests say of who makes them, unless the solver's headers do.
const AGENT: &str = concat!("driver-streaming/", env!("CARGO_PKG_VERSION"));

/// What is sent to one solver, in as many attempts as it takes.
pub(crate) struct SolverRequest<'a> {
    pub(crate) solver: &'a Solver,
    pub(crate) client: &'a Client,
    pub(crate) source: DocumentSource,
    pub(crate) headers: HeaderMap,
    pub(crate) deadline: Deadline,
    pub(crate) answer_bytes: usize,
    pub(crate) reader: ReaderObservers,
    pub(crate) record: Arc<RequestRecord>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum AttemptEnd {
    /// There was an answer, or the beginning of one.
    Answered {
        status: StatusCode,
        content: Result<Box<RawValue>, AnswerError>,
    },
    /// There was no answer, or none that counts, and the request is to be made again.
    Again { at: Instant },
    /// There was none.
    NotAnswered(BoxError),
    /// The document's length could not be found out.
    NotCounted(DocumentError),
    /// The deadline came first, perhaps in the middle of an answer.
    Late { answered: Option<StatusCode> },
}

/// No JSON text has a length of zero.
#[derive(Debug, thiserror::Error)]
#[error("its length is said to be zero")]
struct NoBytes;

impl SolverRequest<'_> {
    /// Sends the document that `branch` reads, and takes the answer, unless that does not count and there is a retry.
    ///
    /// Cancel safe: dropped half-way, the request is given up.
    pub(crate) async fn attempt(
        &self,
        branch: Branch<DocumentError>,
        retries: &mut Retries,
    ) -> AttemptEnd {
        self.record.begin();
        let answered = OnceLock::new();
        let exchange = self.exchange(branch, retries, &answered);
        match self.deadline.limit(exchange).await {
            Some(end) => end,
            None => AttemptEnd::Late {
                answered: answered.get().copied(),
            },
        }
    }

    async fn exchange(
        &self,
        branch: Branch<DocumentError>,
        retries: &mut Retries,
        answered: &OnceLock<StatusCode>,
    ) -> AttemptEnd {
        let length = if self.solver.content_length {
            match self.source.count_length().await {
                // Announced, it would be a whole request at once, whatever the document yields.
                Ok(0) => return AttemptEnd::NotCounted(DocumentError::new(NoBytes)),
                Ok(length) => Some(length),
                Err(error) => return AttemptEnd::NotCounted(error),
            }
        } else {
            None
        };
        self.reader.entered(Stage::Sending);
        let response = match self.client.send(self.request(branch, length)).await {
            Ok(response) => response,
            Err(error) => {
                let is_transient = !self.body_failed() && self.client.is_transient(&*error);
                return match is_transient.then(|| retries.next(None)).flatten() {
                    Some(at) => AttemptEnd::Again { at },
                    None => AttemptEnd::NotAnswered(error),
                };
            }
        };
        self.reader.entered(Stage::Answering);
        let (head, body) = response.into_parts();
        let status = head.status;
        let _first = answered.set(status);
        if is_busy(status) {
            // Whatever else it says, it is not waited for.
            let asked_for = retry_after(&head.headers, SystemTime::now());
            if let Some(at) = retries.next(asked_for) {
                if self.body_is_whole() {
                    discard(body, at).await;
                }
                return AttemptEnd::Again { at };
            }
        }
        let content = read_answer(&head.headers, body, self.answer_bytes).await;
        AttemptEnd::Answered { status, content }
    }

    fn request(&self, branch: Branch<DocumentError>, length: Option<u64>) -> Request<RequestBody> {
        let (record, reader) = (Arc::clone(&self.record), self.reader.clone());
        let mut request = Request::new(RequestBody::new(branch, length, record, reader));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.solver.endpoint.uri().clone();
        if self.solver.http2 {
            *request.version_mut() = Version::HTTP_2;
        }
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(self.headers.clone());
        headers.extend(self.solver.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, accepted_encodings());
        if let Some(coding) = self.encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        request
    }

    /// How requests are encoded: their `Content-Encoding`.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        self.solver.encoding?.content_encoding()
    }

    fn body_is_whole(&self) -> bool {
        let ending = self.record.measurements().map(|found| found.ending);
        ending.is_some_and(|ending| ending.is_whole())
    }

    fn body_failed(&self) -> bool {
        let ending = self.record.measurements().map(|found| found.ending);
        ending == Some(measured_body::Ending::Failed)
    }
}
