//! What the compared programs tell the runner: one JSON value a line.

mod clock;
mod engine_report;
mod listening;
mod measurement;
mod received;

pub use self::clock::{monotonic_nanoseconds, process_cpu_nanoseconds};
pub use self::engine_report::EngineReport;
pub use self::listening::Listening;
pub use self::measurement::Measurement;
pub use self::received::Received;
