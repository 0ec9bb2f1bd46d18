use std::time::Duration;

use http::StatusCode;
use measured_body::Ending;
use tee_stream::Branch;
use tokio::time::Instant;

use crate::attempt::{AttemptEnd, SolverRequest};
use crate::deadline::Deadline;
use crate::document::DocumentError;
use crate::error_chain::error_chain;
use crate::observer::Stage;
use crate::outcome::{SolverOutcome, SolverStatus, milliseconds};
use crate::retry::Retries;

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
    let mut retries = Retries::new(request.solver.retries(), request.deadline.at());
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
