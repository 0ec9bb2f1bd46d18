//! Solver engines: where they are, how they are asked, and what they answer.

mod answer;
mod attempt;
mod exchange;
mod exchange_result;
mod next_try;
mod redact;
mod reserved_header;
mod retry_schedule;
mod solver;
mod solver_error;

pub(crate) use self::exchange::{Exchange, ExchangeLimits, ExchangeSetup};
#[cfg(feature = "telemetry")]
pub(crate) use self::redact::redacted;
pub use self::reserved_header::is_reserved;
pub use self::solver::Solver;
pub use self::solver_error::SolverError;
