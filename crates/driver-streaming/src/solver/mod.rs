//! Solver engines: where they are, and what they answer.

mod answer;
mod exchange;
mod redact;
mod solver;
mod solver_error;

pub(crate) use self::exchange::{Exchange, ExchangeLimits};
pub use self::solver::Solver;
#[cfg(feature = "object-stores")]
pub(crate) use self::solver::is_loopback;
pub use self::solver_error::SolverError;
