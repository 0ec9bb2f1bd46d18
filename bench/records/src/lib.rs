//! What the compared programs tell the runner: one JSON value a line.

mod clock;
mod curve;
mod engine_report;
mod lateness;
mod listening;
mod measure;
mod measurement;
mod micro_report;
mod received;
mod timers;

pub use self::clock::{monotonic_nanoseconds, process_cpu_nanoseconds};
pub use self::curve::Curve;
pub use self::engine_report::EngineReport;
pub use self::lateness::Lateness;
pub use self::listening::Listening;
pub use self::measure::Measure;
pub use self::measurement::Measurement;
pub use self::micro_report::MicroReport;
pub use self::received::Received;
pub use self::timers::Timers;
