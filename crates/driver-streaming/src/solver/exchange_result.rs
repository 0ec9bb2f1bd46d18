use std::time::Duration;

use http::StatusCode;
use serde_json::value::RawValue;

use super::attempt::AttemptEnd;
use super::exchange::ExchangeLimits;
use crate::error_chain::error_chain;
use crate::outcome::SolverStatus;

/// What came of an exchange.
pub(super) struct ExchangeResult {
    pub(super) status: SolverStatus,
    pub(super) http_status: Option<u16>,
    pub(super) response: Option<Box<RawValue>>,
    pub(super) error: Option<String>,
}

impl ExchangeResult {
    /// What `end`, that of the last attempt, `after` so long, comes to within `limits`.
    pub(super) fn of(end: AttemptEnd, after: Duration, limits: ExchangeLimits) -> Self {
        match end {
            AttemptEnd::NotAnswered(error) => Self::failed(None, error_chain(&error)),
            AttemptEnd::NotCounted(error) => Self::failed(
                None,
                format!(
                    "the length of the document cannot be counted: {}",
                    error_chain(&error)
                ),
            ),
            AttemptEnd::Late { answered } => Self::late(answered, after, limits),
            AttemptEnd::Busy { status, .. } => Self::failed(
                Some(status.as_u16()),
                format!("the engine answered {status}"),
            ),
            AttemptEnd::Answered { status, content } => {
                let http_status = Some(status.as_u16());
                match content {
                    Ok(response) => Self {
                        status: if status.is_success() {
                            SolverStatus::Ok
                        } else {
                            SolverStatus::Failed
                        },
                        http_status,
                        response: Some(response),
                        error: (!status.is_success())
                            .then(|| format!("the engine answered {status}")),
                    },
                    Err(error) if status.is_success() => {
                        Self::failed(http_status, error_chain(&error))
                    }
                    Err(error) => Self::failed(
                        http_status,
                        format!("the engine answered {status}: {}", error_chain(&error)),
                    ),
                }
            }
        }
    }

    /// At the deadline: what an answer of which only the head came has said counts all the same.
    fn late(answered: Option<StatusCode>, after: Duration, limits: ExchangeLimits) -> Self {
        let after = after.as_millis();
        let limit = if limits.deadline_is_own {
            "the solver's own timeout"
        } else {
            "the deadline"
        };
        let (status, error) = match answered {
            None => (
                SolverStatus::TimedOut,
                format!("no answer within {limit}, after {after} ms"),
            ),
            Some(code) => {
                let error = format!(
                    "the engine answered {code}, and its answer did not end within {limit}, after {after} ms"
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
