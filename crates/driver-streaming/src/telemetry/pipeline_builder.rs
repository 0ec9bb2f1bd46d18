use std::sync::Arc;

use opentelemetry::global::BoxedTracer;
use opentelemetry::metrics::Meter;
use opentelemetry::trace::Tracer;

use crate::pipeline::PipelineBuilder;

impl PipelineBuilder {
    /// Records the metrics of each run with `meter`. Without one, none are.
    ///
    /// Instruments and attributes are made once, when the pipeline is built. The README lists them.
    ///
    /// ```
    /// use driver_streaming::Pipeline;
    /// use opentelemetry::global;
    ///
    /// let pipeline = Pipeline::builder()
    ///     .meter(global::meter("my-driver"))
    ///     .tracer(global::tracer("my-driver"))
    ///     .build()?;
    /// # Ok::<(), driver_streaming::PipelineError>(())
    /// ```
    #[must_use]
    pub fn meter(mut self, meter: Meter) -> Self {
        self.telemetry.meter = Some(meter);
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
        self.telemetry.tracer = Some(Arc::new(BoxedTracer::new(Box::new(tracer))));
        self
    }
}
