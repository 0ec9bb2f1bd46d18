use measured_body::HistogramRecorder;
use opentelemetry::{KeyValue, StringValue};

use crate::solver::Solver;
use crate::telemetry::metrics::Instruments;
use crate::telemetry::names;

/// What is the same for every request to one solver: resolved once.
#[derive(Debug)]
pub(crate) struct Target {
    /// Of metrics and spans.
    pub(crate) attributes: Vec<KeyValue>,
    /// Of spans alone.
    pub(crate) url: StringValue,
    /// Records what happened to a request's body.
    pub(crate) recorder: Option<HistogramRecorder>,
}

impl Target {
    pub(crate) fn new(solver: &Solver, instruments: Option<&Instruments>) -> Self {
        let uri = solver.endpoint().uri();
        let mut attributes = vec![
            KeyValue::new(names::HTTP_REQUEST_METHOD, "POST"),
            KeyValue::new(names::SOLVER_NAME, solver.name().to_owned()),
        ];
        if let Some(host) = uri.host() {
            // An IPv6 address stands without brackets.
            let address = host.trim_matches(['[', ']']).to_owned();
            attributes.push(KeyValue::new(names::SERVER_ADDRESS, address));
        }
        let by_scheme = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(by_scheme);
        attributes.push(KeyValue::new(names::SERVER_PORT, i64::from(port)));
        Self {
            recorder: instruments.map(|found| found.bodies.recorder(attributes.clone())),
            attributes,
            url: solver.endpoint().shown("").into(),
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
                    .contains(&KeyValue::new(names::SERVER_ADDRESS, address))
            );
            assert!(
                target
                    .attributes
                    .contains(&KeyValue::new(names::SERVER_PORT, port))
            );
        }
    }
}
