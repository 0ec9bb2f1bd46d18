use std::time::Duration;

use driver_streaming::Solver;
use measured_body::{BodyHistograms, BodyRole, HistogramRecorder, ProductionMeter};
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{KeyValue, StringValue};

/// 1 ms to 60 s.
const SECONDS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// 64 KiB to 1 GiB, in steps of 2 around some megabytes: powers of 2.
const BYTES: [u32; 11] = [16, 18, 20, 21, 22, 23, 24, 25, 26, 28, 30];

/// Productions of one document.
const COUNT: [f64; 7] = [1.0, 2.0, 3.0, 4.0, 8.0, 16.0, 64.0];

/// All metrics of a pipeline, created once.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) bodies: BodyHistograms,
    pub(crate) auction: Histogram<f64>,
    pub(crate) request: Histogram<f64>,
    pub(crate) thinking: Histogram<f64>,
    pub(crate) archive: Histogram<f64>,
    pub(crate) archive_raw: Histogram<u64>,
    pub(crate) archive_stored: Histogram<u64>,
    production_busy: Histogram<f64>,
    production_wait: Histogram<f64>,
    productions: Histogram<u64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let bytes = BYTES.map(|power| f64::from(1_u32 << power));
        let seconds = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(SECONDS.to_vec())
                .build()
        };
        let number = |name, unit, boundaries: &[f64], description| {
            meter
                .u64_histogram(name)
                .with_unit(unit)
                .with_description(description)
                .with_boundaries(boundaries.to_vec())
                .build()
        };
        Self {
            bodies: BodyHistograms::new(meter, BodyRole::ClientRequest),
            auction: seconds(
                "driver_streaming.auction.duration",
                "From the start of a run to the end of its last reader.",
            ),
            request: seconds(
                "http.client.request.duration",
                "Duration of HTTP client requests.",
            ),
            thinking: seconds(
                "driver_streaming.solver.thinking.duration",
                "From when a solver was sent everything to the start of its answer.",
            ),
            archive: seconds(
                "driver_streaming.archive.duration",
                "From the start of an archive to its commit or failure.",
            ),
            archive_raw: number(
                "driver_streaming.archive.raw.size",
                "By",
                &bytes,
                "Size of an archived document.",
            ),
            archive_stored: number(
                "driver_streaming.archive.stored.size",
                "By",
                &bytes,
                "Size of the stored object of an archived document.",
            ),
            production_busy: seconds(
                "driver_streaming.production.busy.duration",
                "Time spent producing the document of an auction, over all productions.",
            ),
            production_wait: seconds(
                "driver_streaming.production.wait.duration",
                "Time that productions spent waiting for their input.",
            ),
            productions: number(
                "driver_streaming.productions",
                "{production}",
                &COUNT,
                "How often the document of an auction was produced.",
            ),
        }
    }

    pub(crate) fn record_production(&self, production: &ProductionMeter) {
        record_seconds(&self.production_busy, production.busy(), &[]);
        record_seconds(&self.production_wait, production.waiting(), &[]);
        self.productions.record(production.productions(), &[]);
    }
}

pub(crate) fn record_seconds(
    histogram: &Histogram<f64>,
    duration: Duration,
    attributes: &[KeyValue],
) {
    histogram.record(duration.as_secs_f64(), attributes);
}

/// The attributes that all requests to one solver share, resolved once.
#[derive(Debug)]
pub(crate) struct Target {
    /// Attributes of metrics and spans.
    pub(crate) attributes: Vec<KeyValue>,
    /// The attribute `url.full`, of spans only.
    pub(crate) url: StringValue,
    /// Records the body of a request.
    pub(crate) recorder: Option<HistogramRecorder>,
}

impl Target {
    pub(crate) fn new(solver: &Solver, instruments: Option<&Instruments>) -> Self {
        let uri = solver.uri_without_secrets();
        let mut attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("driver_streaming.solver.name", solver.name().to_owned()),
        ];
        if let Some(host) = uri.host() {
            // The attribute has an IPv6 address without brackets.
            let address = host.trim_matches(['[', ']']).to_owned();
            attributes.push(KeyValue::new("server.address", address));
        }
        let by_scheme = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(by_scheme);
        attributes.push(KeyValue::new("server.port", i64::from(port)));
        Self {
            recorder: instruments.map(|found| found.bodies.recorder(attributes.clone())),
            attributes,
            url: uri.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(endpoint: &str) -> String {
        Target::new(&Solver::new("s", endpoint).unwrap(), None)
            .url
            .to_string()
    }

    #[test]
    fn urls_keep_no_secret() {
        for (endpoint, url) in [
            ("http://u:p@h:1/a", "http://h:1/a/solve"),
            ("http://u@h", "http://h/solve"),
            (
                "http://h/?key=k&b=",
                "http://h/solve?key=REDACTED&b=REDACTED",
            ),
            ("http://h/?token", "http://h/solve?REDACTED"),
        ] {
            assert_eq!(shown(endpoint), url);
        }
    }

    #[test]
    fn a_target_has_an_address_and_a_port() {
        for (endpoint, address, port) in [
            ("http://h", "h", 80),
            ("https://10.0.0.1/", "10.0.0.1", 443),
            ("http://[::1]:8080", "::1", 8080),
        ] {
            let target = Target::new(&Solver::new("s", endpoint).unwrap(), None);
            assert!(
                target
                    .attributes
                    .contains(&KeyValue::new("server.address", address))
            );
            assert!(
                target
                    .attributes
                    .contains(&KeyValue::new("server.port", port))
            );
        }
    }
}
