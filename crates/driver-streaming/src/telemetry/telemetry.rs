use std::sync::Arc;

use opentelemetry::global::BoxedTracer;

use super::auction_telemetry::AuctionTelemetry;
use super::instruments::Instruments;
use super::settings::TelemetrySettings;
use super::target::Target;
use crate::auction_id::AuctionId;
use crate::solver::Solver;

/// What a pipeline tells of its runs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    pub(super) tracer: Option<Arc<BoxedTracer>>,
    pub(super) instruments: Option<Arc<Instruments>>,
    /// One for each solver, in their order.
    pub(super) targets: Arc<[Arc<Target>]>,
}

impl Telemetry {
    /// For a pipeline of these solvers.
    pub(crate) fn new(settings: TelemetrySettings, solvers: &[Solver]) -> Self {
        let instruments = settings.meter.as_ref().map(Instruments::new).map(Arc::new);
        let targets = solvers
            .iter()
            .map(|solver| Arc::new(Target::new(solver, instruments.as_deref())))
            .collect();
        Self {
            tracer: settings.tracer,
            instruments,
            targets,
        }
    }

    /// A run begins.
    pub(crate) fn auction(&self, id: Option<&AuctionId>) -> AuctionTelemetry {
        AuctionTelemetry::start(self.clone(), id)
    }
}
