use std::sync::Arc;

use opentelemetry::global::BoxedTracer;
use opentelemetry::metrics::Meter;

/// Where a pipeline's metrics and spans go: nowhere, unless it is told.
#[derive(Debug, Default)]
pub(crate) struct TelemetrySettings {
    pub(super) meter: Option<Meter>,
    pub(super) tracer: Option<Arc<BoxedTracer>>,
}
