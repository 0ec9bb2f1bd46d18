use crate::{Measurements, Recorder};
use std::time::Duration;
use tracing::{Level, Span};

/// A recorder that writes one `tracing` event for each body: `body ended`.
///
/// A body usually ends in a task of the HTTP client, where the sender's span is not entered. So the
/// recorder keeps the span that is current when it is created, and the event belongs to that span. The
/// span describes the body (which solver, which object), and the event describes what happened to it.
///
/// | field | type | what |
/// |---|---|---|
/// | `ending` | string | [`Ending::as_str`](crate::Ending::as_str) |
/// | `bytes`, `chunks`, `largest_chunk` | integer | as in [`Measurements`] |
/// | `to_transmission_start_ms` | float | [`to_first_poll`](Measurements::to_first_poll) |
/// | `to_first_data_ms` | float | [`to_first_data`](Measurements::to_first_data) |
/// | `transmission_ms` | float | [`transmission`](Measurements::transmission) |
/// | `busy_ms`, `producer_wait_ms`, `consumer_wait_ms` | float | the three parts of the transmission |
/// | `total_ms` | float | [`total`](Measurements::total) |
///
/// A field is absent if its value is `None`.
///
/// # Examples
///
/// ```
/// use measured_body::{MeasuredBody, TracingRecorder};
/// use tracing::Level;
///
/// let _entered = tracing::info_span!("solve", solver = "baseline").entered();
/// let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
/// drop(MeasuredBody::new(body, TracingRecorder::new().level(Level::INFO)));
/// ```
#[derive(Clone, Debug)]
pub struct TracingRecorder {
    span: Span,
    level: Level,
}

impl TracingRecorder {
    /// Writes into the span that is current now, at the level `DEBUG`.
    pub fn new() -> Self {
        Self::in_span(Span::current())
    }

    /// Writes into this span, at the level `DEBUG`. The span stays open until the report.
    pub fn in_span(span: Span) -> Self {
        Self {
            span,
            level: Level::DEBUG,
        }
    }

    /// Sets the level of the event.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }
}

impl Default for TracingRecorder {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes the event. Its level is part of the call site, so each level needs its own.
macro_rules! body_ended {
    ($level:expr, $span:expr, $measurements:expr) => {{
        let measurements: &Measurements = $measurements;
        tracing::event!(
            parent: $span,
            $level,
            ending = measurements.ending.as_str(),
            bytes = measurements.bytes,
            chunks = measurements.chunks,
            largest_chunk = measurements.largest_chunk,
            to_transmission_start_ms = measurements.to_first_poll.map(milliseconds),
            to_first_data_ms = measurements.to_first_data.map(milliseconds),
            transmission_ms = measurements.transmission.map(milliseconds),
            busy_ms = milliseconds(measurements.busy),
            producer_wait_ms = milliseconds(measurements.producer_wait),
            consumer_wait_ms = milliseconds(measurements.consumer_wait),
            total_ms = milliseconds(measurements.total),
            "body ended"
        );
    }};
}

impl Recorder for TracingRecorder {
    fn record(self, measurements: &Measurements) {
        match self.level {
            Level::ERROR => body_ended!(Level::ERROR, &self.span, measurements),
            Level::WARN => body_ended!(Level::WARN, &self.span, measurements),
            Level::INFO => body_ended!(Level::INFO, &self.span, measurements),
            Level::DEBUG => body_ended!(Level::DEBUG, &self.span, measurements),
            Level::TRACE => body_ended!(Level::TRACE, &self.span, measurements),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
