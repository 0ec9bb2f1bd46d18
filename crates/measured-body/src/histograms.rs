use crate::{Ending, Measurements, Recorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use std::sync::Arc;
use std::time::Duration;

/// The attribute of every metric that names the ending of the body.
const ENDING: &str = "measured_body.ending";

/// 0.1 ms to 60 s.
const SECONDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// 1 KiB to 1 GiB in steps of 4, and of 2 around some megabytes.
const BYTES: [f64; 14] = [
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
    8_388_608.0,
    16_777_216.0,
    33_554_432.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

/// 1 to 65,536, in steps of 4.
const COUNT: [f64; 9] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0,
];

/// Which body of an HTTP exchange is measured, and on which side.
///
/// This decides the name of the size metric, according to the OpenTelemetry semantic conventions for
/// HTTP metrics (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyRole {
    /// A request that we send: `http.client.request.body.size`.
    ClientRequest,
    /// A response that we receive: `http.client.response.body.size`.
    ClientResponse,
    /// A request that we receive: `http.server.request.body.size`.
    ServerRequest,
    /// A response that we send: `http.server.response.body.size`.
    ServerResponse,
}

impl BodyRole {
    const fn size_metric(self) -> (&'static str, &'static str) {
        match self {
            Self::ClientRequest => (
                "http.client.request.body.size",
                "Size of HTTP client request bodies.",
            ),
            Self::ClientResponse => (
                "http.client.response.body.size",
                "Size of HTTP client response bodies.",
            ),
            Self::ServerRequest => (
                "http.server.request.body.size",
                "Size of HTTP server request bodies.",
            ),
            Self::ServerResponse => (
                "http.server.response.body.size",
                "Size of HTTP server response bodies.",
            ),
        }
    }
}

/// OpenTelemetry histograms of bodies. They create the recorders.
///
/// Create it once at start-up from a [`Meter`]. Create one [`recorder`](Self::recorder) for each target,
/// and clone it for each body. The README of this crate lists the metrics. The bucket boundaries are
/// advice to the SDK, which a view can override.
///
/// # Examples
///
/// ```
/// use measured_body::{BodyHistograms, BodyRole, MeasuredBody};
/// use opentelemetry::{KeyValue, global};
///
/// // At start-up:
/// let histograms = BodyHistograms::new(&global::meter("my-service"), BodyRole::ClientRequest);
/// // For each target:
/// let recorder = histograms.recorder([
///     KeyValue::new("http.request.method", "POST"),
///     KeyValue::new("server.address", "solver.example.com"),
///     KeyValue::new("server.port", 443),
/// ]);
/// // For each request:
/// let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
/// drop(MeasuredBody::new(body, recorder.clone()));
/// ```
#[derive(Clone, Debug)]
pub struct BodyHistograms {
    instruments: Arc<Instruments>,
}

#[derive(Debug)]
struct Instruments {
    size: Histogram<u64>,
    chunks: Histogram<u64>,
    largest_chunk: Histogram<u64>,
    to_first_poll: Histogram<f64>,
    to_first_data: Histogram<f64>,
    transmission: Histogram<f64>,
    busy: Histogram<f64>,
    producer_wait: Histogram<f64>,
    consumer_wait: Histogram<f64>,
    total: Histogram<f64>,
}

impl BodyHistograms {
    /// Creates the histograms.
    pub fn new(meter: &Meter, role: BodyRole) -> Self {
        let count = |name, unit, boundaries: &[f64], description| {
            meter
                .u64_histogram(name)
                .with_unit(unit)
                .with_description(description)
                .with_boundaries(boundaries.to_vec())
                .build()
        };
        let seconds = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(SECONDS.to_vec())
                .build()
        };
        let (size_name, size_description) = role.size_metric();
        Self {
            instruments: Arc::new(Instruments {
                size: count(size_name, "By", &BYTES, size_description),
                chunks: count(
                    "measured_body.chunks",
                    "{chunk}",
                    &COUNT,
                    "Chunks handed to the consumer of a body.",
                ),
                largest_chunk: count(
                    "measured_body.largest_chunk.size",
                    "By",
                    &BYTES,
                    "Size of the largest chunk of a body.",
                ),
                to_first_poll: seconds(
                    "measured_body.to_first_poll.duration",
                    "From the creation of a body to its first poll.",
                ),
                to_first_data: seconds(
                    "measured_body.to_first_data.duration",
                    "From the first poll of a body to its first byte.",
                ),
                transmission: seconds(
                    "measured_body.transmission.duration",
                    "From the first poll of a body to its end.",
                ),
                busy: seconds(
                    "measured_body.busy.duration",
                    "Part of the transmission spent inside polls of the body.",
                ),
                producer_wait: seconds(
                    "measured_body.producer_wait.duration",
                    "Part of the transmission in which the consumer waited for data.",
                ),
                consumer_wait: seconds(
                    "measured_body.consumer_wait.duration",
                    "Part of the transmission in which the consumer did not ask for data.",
                ),
                total: seconds(
                    "measured_body.total.duration",
                    "From the creation of a body to its end.",
                ),
            }),
        }
    }

    /// Creates a recorder for one target, whose bodies all have these attributes.
    ///
    /// The attributes are resolved here, so that a report allocates nothing in this crate. Each
    /// combination of their values is a separate time series: use the address, method and name of the
    /// target, but no identifier of a request.
    pub fn recorder(&self, attributes: impl IntoIterator<Item = KeyValue>) -> HistogramRecorder {
        let attributes: Vec<KeyValue> = attributes.into_iter().collect();
        let by_ending = Ending::ALL.map(|ending| {
            let mut attributes = attributes.clone();
            attributes.push(KeyValue::new(ENDING, ending.as_str()));
            (ending, attributes)
        });
        HistogramRecorder {
            instruments: Arc::clone(&self.instruments),
            by_ending: Arc::new(by_ending),
        }
    }
}

/// A recorder that records into [`BodyHistograms`]. It is cheap to clone; use one for each body.
#[derive(Clone, Debug)]
pub struct HistogramRecorder {
    instruments: Arc<Instruments>,
    by_ending: Arc<[(Ending, Vec<KeyValue>); Ending::ALL.len()]>,
}

impl Recorder for HistogramRecorder {
    fn record(self, measurements: &Measurements) {
        let attributes = self
            .by_ending
            .iter()
            .find(|(ending, _)| *ending == measurements.ending)
            .map_or(&[][..], |(_, attributes)| attributes);
        let seconds = |histogram: &Histogram<f64>, duration: Duration| {
            histogram.record(duration.as_secs_f64(), attributes);
        };
        let to = &*self.instruments;

        to.size.record(measurements.bytes, attributes);
        to.chunks.record(measurements.chunks, attributes);
        seconds(&to.total, measurements.total);
        if measurements.chunks > 0 {
            to.largest_chunk
                .record(measurements.largest_chunk, attributes);
        }
        if let Some(to_first_poll) = measurements.to_first_poll {
            seconds(&to.to_first_poll, to_first_poll);
        }
        if let Some(to_first_data) = measurements.to_first_data {
            seconds(&to.to_first_data, to_first_data);
        }
        if let Some(transmission) = measurements.transmission {
            seconds(&to.transmission, transmission);
            seconds(&to.busy, measurements.busy);
            seconds(&to.producer_wait, measurements.producer_wait);
            seconds(&to.consumer_wait, measurements.consumer_wait);
        }
    }
}
