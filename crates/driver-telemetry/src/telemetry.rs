use std::fmt;
use std::sync::{Arc, OnceLock};

use driver_streaming::{Observer, RunStart};
use opentelemetry::global::BoxedTracer;
use opentelemetry::metrics::Meter;
use opentelemetry::trace::Tracer;

use crate::metrics::{Instruments, Target};
use crate::run::RunTelemetry;

/// Records metrics and spans of the runs of one pipeline. The README lists them.
///
/// Instruments and attributes are made once.
///
/// ```no_run
/// use driver_streaming::Pipeline;
/// use driver_telemetry::Telemetry;
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
    /// Records nothing until it has a [`meter`](Self::meter) or a [`tracer`](Self::tracer).
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

    /// The observer of one run, for [`PipelineBuilder::observe`](driver_streaming::PipelineBuilder::observe). All runs must be of one
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
