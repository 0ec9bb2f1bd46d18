//! Metrics and spans of each run, by the OpenTelemetry API: an observer like any other.

mod metrics;
mod run;
mod span;

use std::fmt;
use std::sync::{Arc, OnceLock};

use opentelemetry::global::BoxedTracer;
use opentelemetry::metrics::Meter;
use opentelemetry::trace::Tracer;

use self::metrics::{Instruments, Target};
use self::run::RunTelemetry;
use crate::observer::{Observer, RunStart};

/// Has the runs of one pipeline leave metrics and spans. The README lists them.
///
/// Instruments and attributes are made once.
///
/// ```no_run
/// use driver_streaming::{Pipeline, Telemetry};
/// use opentelemetry::global;
///
/// let telemetry = Telemetry::new()
///     .meter(&global::meter("my-driver"))
///     .tracer(global::tracer("my-driver"));
/// let pipeline = Pipeline::builder().observe(move |run| telemetry.start(run)).build()?;
/// # Ok::<(), driver_streaming::PipelineError>(())
/// ```
#[derive(Default)]
pub struct Telemetry {
    instruments: Option<Arc<Instruments>>,
    tracer: Option<Arc<BoxedTracer>>,
    /// One for each solver, in their order, once a run has begun.
    targets: OnceLock<Arc<[Target]>>,
}

impl Telemetry {
    /// None, yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the metrics of each run with `meter`. Without one, none are.
    #[must_use]
    pub fn meter(mut self, meter: &Meter) -> Self {
        self.instruments = Some(Arc::new(Instruments::new(meter)));
        self
    }

    /// Makes a span of each run, with one below it for each solver and for the archive, and sends each solver its
    /// own as `traceparent`. Without a tracer, there is neither.
    ///
    /// The parent is the OpenTelemetry context that is current when the future of the run is polled first.
    #[must_use]
    pub fn tracer<T>(mut self, tracer: T) -> Self
    where
        T: Tracer + Send + Sync + 'static,
        T::Span: Send + Sync + 'static,
    {
        self.tracer = Some(Arc::new(BoxedTracer::new(Box::new(tracer))));
        self
    }

    /// The observer of one run, for [`PipelineBuilder::observe`](crate::PipelineBuilder::observe). All runs must be of one
    /// pipeline.
    pub fn start(&self, run: &RunStart<'_>) -> Arc<dyn Observer> {
        let targets = self.targets.get_or_init(|| {
            let instruments = self.instruments.as_deref();
            run.solvers
                .iter()
                .map(|solver| Target::new(solver, instruments))
                .collect()
        });
        Arc::new(RunTelemetry::start(
            Arc::clone(targets),
            self.instruments.clone(),
            self.tracer.as_deref(),
            run,
        ))
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Telemetry")
            .field("has_meter", &self.instruments.is_some())
            .field("has_tracer", &self.tracer.is_some())
            .finish_non_exhaustive()
    }
}
