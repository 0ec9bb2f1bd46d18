use measured_body::HistogramRecorder;
use opentelemetry::{KeyValue, StringValue};
use url::{Host, Url};

use super::instruments::Instruments;
use super::names;
use crate::solver::{Solver, redacted};

/// What is the same for every request to one solver: resolved once.
#[derive(Debug)]
pub(super) struct Target {
    /// Of metrics and spans.
    pub(super) attributes: Vec<KeyValue>,
    /// Of spans alone.
    pub(super) url: StringValue,
    /// Records what happened to a request's body.
    pub(super) recorder: Option<HistogramRecorder>,
}

impl Target {
    pub(super) fn new(solver: &Solver, instruments: Option<&Instruments>) -> Self {
        let url = solver.url();
        let mut attributes = vec![
            KeyValue::new(names::HTTP_REQUEST_METHOD, "POST"),
            KeyValue::new(names::SOLVER_NAME, solver.name().to_owned()),
        ];
        if let Some(address) = address(url) {
            attributes.push(KeyValue::new(names::SERVER_ADDRESS, address));
        }
        if let Some(port) = url.port_or_known_default() {
            attributes.push(KeyValue::new(names::SERVER_PORT, i64::from(port)));
        }
        Self {
            recorder: instruments.map(|found| found.bodies.recorder(attributes.clone())),
            attributes,
            url: String::from(without_secrets(url)).into(),
        }
    }
}

/// The host as `server.address` has it: an IPv6 address without brackets.
fn address(url: &Url) -> Option<String> {
    Some(match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}

/// `url` without what nobody else should read.
fn without_secrets(url: &Url) -> Url {
    let mut shown = redacted(url);
    // It fails only for URLs that cannot carry user info, and those carry none.
    let _has_host = shown.set_username("");
    shown
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
