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
/// Instruments and attributes are created once.
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
    /// One target for each solver, in their order. Set by the first run.
    targets: OnceLock<Arc<[Target]>>,
}

impl Telemetry {
    /// Creates a `Telemetry` that records nothing. Add a [`meter`](Self::meter) or a [`tracer`](Self::tracer).
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the metrics of each run with `meter`. Without a meter, no metrics are recorded.
    #[must_use]
    pub fn meter(mut self, meter: &Meter) -> Self {
        self.instruments = Some(Arc::new(Instruments::new(meter)));
        self
    }

    /// Creates a span for each run, with a child for each solver and for the archive, and sends each solver its span as
    /// `traceparent`. Without a tracer, there are no spans and no header.
    ///
    /// The parent is the OpenTelemetry context that is current when the future of the run is first polled.
    #[must_use]
    pub fn tracer<T>(mut self, tracer: T) -> Self
    where
        T: Tracer + Send + Sync + 'static,
        T::Span: Send + Sync + 'static,
    {
        self.tracer = Some(Arc::new(BoxedTracer::new(Box::new(tracer))));
        self
    }

    /// Returns the observer of one run, for [`PipelineBuilder::observe`](driver_streaming::PipelineBuilder::observe). All runs
    /// must belong to one pipeline.
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
