#![doc = include_str!("../README.md")]

mod metrics;
mod run;
mod span;
#[cfg(feature = "spool")]
mod spool;
mod telemetry;

#[cfg(feature = "spool")]
pub use self::spool::observe_spool;
pub use self::telemetry::Telemetry;
