//! Metrics and spans of each run, by the OpenTelemetry API. Without the feature there are none, at no cost.

#[cfg(not(feature = "telemetry"))]
mod absent;
#[cfg(feature = "telemetry")]
mod archive_telemetry;
#[cfg(feature = "telemetry")]
mod auction_telemetry;
#[cfg(feature = "telemetry")]
mod instruments;
#[cfg(feature = "telemetry")]
mod names;
#[cfg(feature = "telemetry")]
mod open_span;
#[cfg(feature = "telemetry")]
mod pipeline_builder;
mod request_id;
#[cfg(feature = "telemetry")]
mod settings;
#[cfg(feature = "telemetry")]
mod solver_telemetry;
#[cfg(feature = "telemetry")]
mod target;
#[cfg(feature = "telemetry")]
mod telemetry;

#[cfg(not(feature = "telemetry"))]
pub(crate) use self::absent::{
    ArchiveTelemetry, AuctionTelemetry, SolverTelemetry, Telemetry, TelemetrySettings,
};
#[cfg(feature = "telemetry")]
pub(crate) use self::archive_telemetry::ArchiveTelemetry;
#[cfg(feature = "telemetry")]
pub(crate) use self::auction_telemetry::AuctionTelemetry;
pub(crate) use self::request_id::request_id;
#[cfg(feature = "telemetry")]
pub(crate) use self::settings::TelemetrySettings;
#[cfg(feature = "telemetry")]
pub(crate) use self::solver_telemetry::SolverTelemetry;
#[cfg(feature = "telemetry")]
pub(crate) use self::telemetry::Telemetry;
