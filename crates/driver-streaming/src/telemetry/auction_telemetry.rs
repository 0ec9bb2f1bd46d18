use std::sync::Arc;

use measured_body::ProductionMeter;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};
use tokio::time::Instant;

use super::archive_telemetry::ArchiveTelemetry;
use super::instruments::record_seconds;
use super::names;
use super::open_span::{OpenSpan, SpanError};
use super::solver_telemetry::SolverTelemetry;
use super::telemetry::Telemetry;
use crate::auction_id::AuctionId;
use crate::outcome::{ArchiveStatus, Outcome, SolverStatus};

/// One run. Dropped before [`finish`](Self::finish), its span ends as cancelled.
pub(crate) struct AuctionTelemetry {
    telemetry: Telemetry,
    started: Instant,
    span: OpenSpan,
}

impl AuctionTelemetry {
    pub(super) fn start(telemetry: Telemetry, id: Option<&AuctionId>) -> Self {
        let builder = || {
            let id = id.map(|id| KeyValue::new(names::AUCTION_ID, id.as_str().to_owned()));
            SpanBuilder::from_name("auction")
                .with_kind(SpanKind::Internal)
                .with_attributes(id)
        };
        let span = OpenSpan::start(telemetry.tracer.as_deref(), builder, &Context::current());
        Self {
            telemetry,
            started: Instant::now(),
            span,
        }
    }

    /// The request to the solver with this index begins.
    pub(crate) fn solver(&self, index: usize) -> SolverTelemetry {
        SolverTelemetry::start(
            Arc::clone(&self.telemetry.targets[index]),
            self.telemetry.instruments.clone(),
            self.telemetry.tracer.as_deref(),
            self.span.context(),
        )
    }

    /// Archiving begins.
    pub(crate) fn archive(&self) -> ArchiveTelemetry {
        ArchiveTelemetry::start(
            self.telemetry.instruments.clone(),
            self.telemetry.tracer.as_deref(),
            self.span.context(),
        )
    }

    /// The run is over.
    pub(crate) fn finish(self, outcome: &Outcome, production: &ProductionMeter) {
        let status = if outcome.is_ok() { "ok" } else { "failed" };
        let status = KeyValue::new(names::AUCTION_STATUS, status);
        if let Some(instruments) = &self.telemetry.instruments {
            let attributes = std::slice::from_ref(&status);
            record_seconds(&instruments.auction, self.started.elapsed(), attributes);
            instruments.record_production(production);
        }
        let auction = &outcome.auction;
        let mut attributes = vec![
            status,
            KeyValue::new(names::PRODUCTION_BUSY, production.busy().as_secs_f64()),
            KeyValue::new(names::PRODUCTION_WAIT, production.waiting().as_secs_f64()),
            KeyValue::new(names::PRODUCTIONS, integer(production.productions())),
        ];
        attributes.extend(
            auction
                .bytes
                .map(|bytes| KeyValue::new(names::AUCTION_SIZE, integer(bytes))),
        );
        attributes.extend(
            auction
                .sha256
                .clone()
                .map(|digest| KeyValue::new(names::AUCTION_SHA256, digest)),
        );
        attributes.extend(
            outcome
                .serialize
                .passes
                .map(|passes| KeyValue::new(names::PRODUCTION_PASSES, passes)),
        );
        self.span.finish(attributes, failure(outcome));
    }
}

fn failure(outcome: &Outcome) -> Option<SpanError> {
    let failed = outcome
        .solvers
        .iter()
        .filter(|solver| solver.status != SolverStatus::Ok)
        .count();
    let archive = outcome.archive.status == ArchiveStatus::Failed;
    let solvers = outcome.solvers.len();
    let (kind, message) = match (failed, archive) {
        (0, false) => return None,
        (0, true) => ("archive_failed", "the archive failed".to_owned()),
        (_, false) => (
            "solver_failed",
            format!("{failed} of {solvers} solvers failed"),
        ),
        (_, true) => (
            "solver_and_archive_failed",
            format!("{failed} of {solvers} solvers and the archive failed"),
        ),
    };
    Some(SpanError {
        kind: kind.into(),
        message,
    })
}

/// OpenTelemetry has signed integers only.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
