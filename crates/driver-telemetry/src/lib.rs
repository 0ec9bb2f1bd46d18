#![doc = include_str!("../README.md")]

mod metrics;
mod run;
mod span;
mod telemetry;

pub use self::telemetry::Telemetry;
