use std::time::Duration;

/// A signal, and how the environment names what is its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

/// The environment variables of OpenTelemetry that the SDK leaves to its user
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
#[derive(Clone, Copy, Debug)]
pub(super) struct Environment<F> {
    /// Looks a variable up.
    variable: F,
}

/// What an export may take, if nothing else is said. By the specification, 10 s.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    /// Where below an endpoint for all signals this one goes.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Traces => "v1/traces",
            Self::Metrics => "v1/metrics",
        }
    }
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    pub(super) fn new(variable: F) -> Self {
        Self { variable }
    }

    /// Whether nothing is to be exported, whatever else is said.
    pub(super) fn is_disabled(&self) -> bool {
        self.get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether this signal is to be exported, given that there is an endpoint.
    pub(super) fn wants(&self, signal: Signal) -> bool {
        let exporter = self.get(&format!("OTEL_{}_EXPORTER", signal.name()));
        exporter.is_none_or(|name| name.split(',').any(|name| name.trim() == "otlp"))
    }

    /// Whether an endpoint is named for this signal.
    pub(super) fn has_endpoint(&self, signal: Signal) -> bool {
        self.of_signal(signal, "ENDPOINT").is_some()
    }

    /// What one export of this signal may take.
    pub(super) fn timeout(&self, signal: Signal) -> Duration {
        self.of_signal(signal, "TIMEOUT")
            .and_then(|milliseconds| milliseconds.parse().ok())
            .map_or(TIMEOUT, Duration::from_millis)
    }

    fn of_signal(&self, signal: Signal, what: &str) -> Option<String> {
        self.get(&format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.name()))
            .or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{what}")))
    }

    /// By the specification, an empty variable is an unset one.
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        variables: &'static [(&str, &str)],
    ) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment::new(|name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_said_is_nothing_exported() {
        for variables in [&[][..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]] {
            let environment = environment(variables);
            assert!(!environment.has_endpoint(Signal::Traces));
            assert!(!environment.is_disabled());
            assert!(environment.wants(Signal::Metrics));
            assert_eq!(environment.timeout(Signal::Traces), TIMEOUT);
        }
    }

    #[test]
    fn a_signals_own_variable_goes_before_that_of_all() {
        let environment = environment(&[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://h"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "console, otlp"),
            ("OTEL_SDK_DISABLED", "TRUE"),
        ]);
        assert_eq!(
            environment.timeout(Signal::Traces),
            Duration::from_millis(2000)
        );
        assert_eq!(
            environment.timeout(Signal::Metrics),
            Duration::from_millis(250)
        );
        assert!(environment.has_endpoint(Signal::Metrics));
        assert!(!environment.has_endpoint(Signal::Traces));
        assert!(environment.wants(Signal::Metrics));
        assert!(!environment.wants(Signal::Traces));
        assert!(environment.is_disabled());
    }
}
