use http::header::HeaderMap;
use measured_body::{ProductionMeter, Recorder};

use crate::auction_id::AuctionId;
use crate::outcome::{ArchiveOutcome, Outcome};
use crate::solver::{Exchange, Solver};

/// Says nothing to anybody: the feature is off.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telemetry;

/// See [`Telemetry`].
#[derive(Debug, Default)]
pub(crate) struct TelemetrySettings {}

/// See [`Telemetry`].
pub(crate) struct AuctionTelemetry;

/// See [`Telemetry`].
pub(crate) struct SolverTelemetry;

/// See [`Telemetry`].
pub(crate) struct ArchiveTelemetry;

impl Telemetry {
    pub(crate) fn new(_settings: TelemetrySettings, _solvers: &[Solver]) -> Self {
        Self
    }

    pub(crate) fn auction(&self, _id: Option<&AuctionId>) -> AuctionTelemetry {
        AuctionTelemetry
    }
}

impl AuctionTelemetry {
    pub(crate) fn solver(&self, _index: usize) -> SolverTelemetry {
        SolverTelemetry
    }

    pub(crate) fn archive(&self) -> ArchiveTelemetry {
        ArchiveTelemetry
    }

    pub(crate) fn finish(self, _outcome: &Outcome, _production: &ProductionMeter) {}
}

impl SolverTelemetry {
    pub(crate) fn recorder(&self) -> impl Recorder + Send + Sync + 'static + use<> {}

    pub(crate) fn propagate(&self, _headers: &mut HeaderMap) {}

    pub(crate) fn finish(self, _exchange: &Exchange) {}
}

impl ArchiveTelemetry {
    pub(crate) fn finish(self, _outcome: &ArchiveOutcome) {}
}
