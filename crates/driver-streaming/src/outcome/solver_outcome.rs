use measured_body::{Ending, Measurements};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::milliseconds;
use crate::solver::{Exchange, Solver};

/// What happened to one solver.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SolverOutcome {
    /// The solver's name.
    pub name: String,
    /// Where the request went, without user info and without the values of its query.
    pub url: String,
    /// How it ended.
    pub status: SolverStatus,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// How many requests were made; what follows is said of the last.
    pub attempts: u32,
    /// How requests were encoded: their `Content-Encoding`.
    pub encoding: Option<&'static str>,
    /// Bytes handed to the HTTP client in the last attempt. Handed over is not yet on the wire.
    pub bytes_sent: Option<u64>,
    /// SHA-256 of the raw document that this solver was sent, in hex, if it was sent all of it.
    pub document_sha256: Option<String>,
    /// How the request's body ended.
    #[serde(serialize_with = "ending")]
    pub ending: Option<Ending>,
    /// From the body's creation to its first poll.
    pub to_first_poll_ms: Option<f64>,
    /// From the first poll to the body's end.
    pub transmission_ms: Option<f64>,
    /// Of that, spent inside polls.
    pub busy_ms: Option<f64>,
    /// Of that, spent waiting for data.
    pub producer_wait_ms: Option<f64>,
    /// Of that, spent waiting for the solver to take data.
    pub consumer_wait_ms: Option<f64>,
    /// From the start of the request to the end of the answer.
    pub response_ms: Option<f64>,
    /// The answer, if it is JSON.
    pub response: Option<Box<RawValue>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How a solver's request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverStatus {
    /// It answered 2xx with JSON.
    Ok,
    /// It could not be reached, broke off, or answered anything else.
    Failed,
    /// It had not answered at the deadline.
    TimedOut,
    /// The run was cancelled before it had answered. Only the program cancels runs.
    Cancelled,
}

impl SolverOutcome {
    pub(crate) fn new(solver: &Solver, exchange: Exchange) -> Self {
        let measurements = exchange.measurements().cloned();
        let response_ms = exchange
            .http_status()
            .map(|_| milliseconds(exchange.elapsed()));
        let sent = Self::sent(solver, exchange.status(), measurements.as_ref());
        let is_whole = matches!(sent.ending, Some(Ending::Complete | Ending::Trailers));
        Self {
            http_status: exchange.http_status(),
            attempts: exchange.attempts(),
            encoding: exchange.encoding(),
            document_sha256: exchange
                .digest()
                .filter(|_| is_whole)
                .map(|digest| digest.sha256()),
            response_ms,
            error: exchange.error().map(ToOwned::to_owned),
            response: exchange.into_response(),
            ..sent
        }
    }

    /// The run was cancelled when so many attempts had begun, of which the last has left `measurements`.
    pub(crate) fn cancelled(
        solver: &Solver,
        attempts: u32,
        measurements: Option<&Measurements>,
        encoding: Option<&'static str>,
    ) -> Self {
        Self {
            attempts,
            encoding,
            error: Some("cancelled before it had answered".to_owned()),
            ..Self::sent(solver, SolverStatus::Cancelled, measurements)
        }
    }

    /// What is known of the last request's body, and nothing else.
    fn sent(solver: &Solver, status: SolverStatus, measurements: Option<&Measurements>) -> Self {
        let time = |pick: fn(&Measurements) -> Option<std::time::Duration>| {
            measurements.and_then(pick).map(milliseconds)
        };
        Self {
            name: solver.name().to_owned(),
            url: solver.shown_url(),
            status,
            http_status: None,
            attempts: 0,
            encoding: None,
            bytes_sent: measurements.map(|found| found.bytes),
            document_sha256: None,
            ending: measurements.map(|found| found.ending),
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
}

fn ending<S: Serializer>(ending: &Option<Ending>, serializer: S) -> Result<S::Ok, S::Error> {
    ending.map(|ending| ending.as_str()).serialize(serializer)
}
