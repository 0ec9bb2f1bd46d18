//! Sends what a run tells to a collector, by OTLP over HTTP with protocol buffers.
//!
//! `opentelemetry-otlp` retries, and reads what the environment says of endpoints, headers, timeouts and compression. It
//! leaves to its user whether anything is exported, and does not stop an export that takes too long.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use archive_sink::Spool;
use async_trait::async_trait;
use driver_streaming::{PipelineBuilder, error_chain};
use driver_telemetry::{Telemetry, observe_spool};
use futures_util::future::{OptionFuture, join};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider};
use parking_lot::Mutex;
use prometheus::Registry;
use tokio::runtime::Handle;
use url::Url;

use crate::exit::Failure;

/// The name of the program to whoever reads its telemetry, unless the environment gives it another.
const SERVICE: &str = "driver-streaming";

/// How long leaving waits for a collector, in all.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// What an export may take, if nothing else is said. By the specification, 10 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a collector says of an export is short: the longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The program's telemetry, on its way to a collector. It never holds up a run: exports happen beside it, and
/// [`finish`](Self::finish), which waits for them, has a limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Export {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    /// Of traces, and of metrics.
    failures: [LastFailure; 2],
}

/// Why the last export failed, if it did: the SDK says only that it did.
type LastFailure = Arc<Mutex<Option<String>>>;

/// Runs a command whose telemetry is exported, and exports what is left of it when the command has ended.
///
/// By then the outcome has been printed: it waits for no collector.
/// With a `scraped` registry, metrics are there as well, and are recorded also if they are exported nowhere.
pub(crate) async fn exporting(
    otlp: Option<&str>,
    scraped: Option<&Registry>,
    command: impl AsyncFnOnce(&Export) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let export = Export::start(otlp, scraped);
    let export = export.map_err(|error| Failure::usage(format!("--otlp: {error}")))?;
    let exit = command(&export).await;
    export.finish().await;
    exit
}

impl Export {
    /// Exports to `endpoint`, else to where the environment says, else not at all. To be called in a runtime.
    ///
    /// What is wrong with the environment is a warning: an auction does not fail for want of telemetry.
    ///
    /// # Errors
    /// When `endpoint` is no URL that can be exported to.
    fn start(endpoint: Option<&str>, scraped: Option<&Registry>) -> Result<Self, String> {
        let failures = <[LastFailure; 2]>::default();
        let resource = resource();
        macro_rules! exporter {
            ($name:literal => $exporter:ident, $failure:expr) => {
                Signal::read($name, endpoint, |name| std::env::var(name).ok())?.and_then(|signal| {
                    let mut exporter = $exporter::builder()
                        .with_http()
                        .with_http_client(CollectorClient::new(signal.timeout, &$failure))
                        .with_timeout(signal.timeout);
                    if let Some(url) = signal.url {
                        exporter = exporter.with_endpoint(url);
                    }
                    let exporter = exporter.build().inspect_err(|error| {
                        tracing::warn!("nothing is exported: {}", error_chain(error));
                    });
                    exporter.ok()
                })
            };
        }
        let traces = exporter!("traces" => SpanExporter, failures[0]).map(|exporter| {
            let provider = SdkTracerProvider::builder().with_resource(resource.clone());
            provider.with_batch_exporter(exporter).build()
        });
        let exported = exporter!("metrics" => MetricExporter, failures[1]);
        let metrics = (exported.is_some() || scraped.is_some()).then(|| {
            let mut provider = SdkMeterProvider::builder().with_resource(resource);
            if let Some(exporter) = exported {
                provider = provider.with_periodic_exporter(exporter);
            }
            if let Some(registry) = scraped {
                let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone());
                match reader.build() {
                    Ok(reader) => provider = provider.with_reader(reader),
                    Err(error) => tracing::warn!("no metrics: {}", error_chain(&error)),
                }
            }
            provider.build()
        });
        Ok(Self {
            traces,
            metrics,
            failures,
        })
    }

    /// The program's own meter. Without metrics, it records nothing.
    pub(crate) fn meter(&self) -> Meter {
        match &self.metrics {
            Some(metrics) => metrics.meter(SERVICE),
            None => opentelemetry::global::meter(SERVICE),
        }
    }

    /// Has a pipeline tell what it does.
    pub(crate) fn attach(&self, builder: PipelineBuilder) -> PipelineBuilder {
        let mut telemetry = Telemetry::new();
        if self.metrics.is_some() {
            telemetry = telemetry.meter(&self.meter());
        }
        if let Some(traces) = &self.traces {
            telemetry = telemetry.tracer(traces.tracer(SERVICE));
        }
        builder.observe(move |run| telemetry.start(run))
    }

    /// Has a spool tell what is in it.
    pub(crate) fn observe(&self, spool: &Spool) {
        observe_spool(&self.meter(), spool);
    }

    /// Exports what is left. Whatever the collector does, this takes no longer than 5 s; what it does not take by
    /// then is lost, and a warning says so.
    async fn finish(self) {
        let [of_traces, of_metrics] = self.failures;
        let traces = self.traces.map(|provider| {
            let flush = move || provider.shutdown_with_timeout(FLUSH_LIMIT);
            flushed("spans", of_traces, flush)
        });
        let metrics = self.metrics.map(|provider| {
            let flush = move || provider.shutdown_with_timeout(FLUSH_LIMIT);
            flushed("metrics", of_metrics, flush)
        });
        let _both_warned = join(OptionFuture::from(traces), OptionFuture::from(metrics)).await;
    }
}

/// One kind of telemetry that is to be exported.
#[derive(Debug, PartialEq)]
struct Signal {
    /// Where to, unless the environment says it.
    url: Option<String>,
    /// What one export may take.
    timeout: Duration,
}

impl Signal {
    /// What `endpoint` and the environment say of `traces` or `metrics`, if they are to be exported
    /// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
    ///
    /// # Errors
    /// If `endpoint` is not an http or https URL, even if the environment makes it unnecessary.
    fn read(
        name: &str,
        endpoint: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let url = endpoint
            .map(|endpoint| endpoint_of(endpoint, name))
            .transpose()?;
        // By the specification, an empty variable is an unset one.
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let signal = name.to_ascii_uppercase();
        let of_signal = |what| {
            get(&format!("OTEL_EXPORTER_OTLP_{signal}_{what}"))
                .or_else(|| get(&format!("OTEL_EXPORTER_OTLP_{what}")))
        };
        let is_disabled =
            get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let is_wanted = get(&format!("OTEL_{signal}_EXPORTER"))
            .is_none_or(|names| names.split(',').any(|name| name.trim() == "otlp"));
        let has_endpoint = url.is_some() || of_signal("ENDPOINT").is_some();
        let timeout = of_signal("TIMEOUT").and_then(|milliseconds| milliseconds.parse().ok());
        let timeout = timeout.map_or(TIMEOUT, Duration::from_millis);
        Ok((!is_disabled && is_wanted && has_endpoint).then_some(Self { url, timeout }))
    }
}

/// The endpoint for a signal below `endpoint`, which is one for all signals: its path is kept, and that of the signal
/// is appended with one slash. Messages do not repeat it: it may carry a password.
pub(crate) fn endpoint_of(endpoint: &str, signal: &str) -> Result<String, String> {
    let mut url =
        Url::parse(endpoint).map_err(|error| format!("the endpoint does not parse: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the endpoint is not an http or https URL".to_owned());
    }
    let path = format!("{}/v1/{signal}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_fragment(None);
    Ok(url.into())
}

/// Runs `flush`, which blocks, on a thread that leaving does not wait for, and warns when not all was exported.
async fn flushed(
    what: &str,
    failure: LastFailure,
    flush: impl FnOnce() -> OTelSdkResult + Send + 'static,
) {
    let flushed = tokio::time::timeout(FLUSH_LIMIT, tokio::task::spawn_blocking(flush)).await;
    let last = failure.lock().take();
    let cause = match (flushed, last) {
        (Ok(Ok(Ok(()))), None) => return,
        (Err(_elapsed), _) => format!("the collector took longer than {FLUSH_LIMIT:?}"),
        (_, Some(cause)) => cause,
        (Ok(Ok(Err(error))), None) => error_chain(&error),
        (Ok(Err(panicked)), None) => error_chain(&panicked),
    };
    tracing::warn!("{what} were not exported: {cause}");
}

/// Sends exports with the HTTP client that solvers are sent to with as well.
///
/// The SDK exports from threads of its own, where that client cannot run: each request is a task of the runtime.
#[derive(Debug)]
struct CollectorClient {
    runtime: Handle,
    client: upload_client::UploadClient,
    timeout: Duration,
    failure: LastFailure,
}

impl CollectorClient {
    /// A client whose requests run in this runtime and take no longer than `timeout`.
    fn new(timeout: Duration, failure: &LastFailure) -> Self {
        Self {
            runtime: Handle::current(),
            client: upload_client::UploadClient::default(),
            timeout,
            failure: Arc::clone(failure),
        }
    }
}

#[async_trait]
impl opentelemetry_http::HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut client, limit) = (self.client.clone(), self.timeout);
        let exchange = async move {
            let answer = tower_service::Service::call(&mut client, request.map(Full::new)).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT).collect().await?;
            Ok::<_, HttpError>(Response::from_parts(head, body.to_bytes()))
        };
        let exchange = async move { tokio::time::timeout(limit, exchange).await };
        let answer = match self.runtime.spawn(exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_elapsed)) => {
                Err(format!("the collector did not answer within {limit:?}").into())
            }
            Err(_shut_down) => Err("the program is ending".into()),
        };
        *self.failure.lock() = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(error_chain(error.as_ref())),
        };
        answer
    }
}

/// Returns what the environment says, completed by the program's name and version, and by an id of this process: under one id,
/// the counters of many short `solve`s, each of which starts at 0, would be one series that stands still.
fn resource() -> Resource {
    let found = Resource::builder().build();
    // The specification's fallback is for programs that do not name themselves.
    let is_open = |key: &'static str| {
        let value = found.get(&key.into());
        value.is_none_or(|value| value.as_str().starts_with("unknown_service"))
    };
    let instance = RandomIdGenerator::default().new_trace_id().to_string();
    let own = [
        ("service.name", SERVICE.to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", instance),
    ];
    let own = own.into_iter().filter(|(key, _)| is_open(key));
    let own = own.map(|(key, value)| KeyValue::new(key, value));
    Resource::builder().with_attributes(own).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        name: &str,
        endpoint: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<Option<Signal>, String> {
        Signal::read(name, endpoint, |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn signal(url: Option<&str>, milliseconds: u64) -> Option<Signal> {
        let url = url.map(str::to_owned);
        let timeout = Duration::from_millis(milliseconds);
        Some(Signal { url, timeout })
    }

    #[test]
    fn nothing_said_is_nothing_exported() {
        for variables in [&[][..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]] {
            assert_eq!(read("traces", None, variables), Ok(None));
            let found = read("metrics", Some("http://h"), variables);
            assert_eq!(found, Ok(signal(Some("http://h/v1/metrics"), 10_000)));
        }
    }

    #[test]
    fn a_signals_own_variable_goes_before_that_of_all() {
        let mut variables = vec![
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://h"),
            ("OTEL_METRICS_EXPORTER", "console, otlp"),
        ];
        let of_option = Some("http://h/v1/traces");
        let read = |name, endpoint, variables: &[_]| read(name, endpoint, variables).unwrap();
        assert_eq!(read("metrics", None, &variables), signal(None, 250));
        assert_eq!(read("traces", None, &variables), None);
        let traces = read("traces", Some("http://h"), &variables);
        assert_eq!(traces, signal(of_option, 2000));
        variables.push(("OTEL_TRACES_EXPORTER", "none"));
        assert_eq!(read("traces", Some("http://h"), &variables), None);
        assert_eq!(read("metrics", None, &variables), signal(None, 250));
        variables.push(("OTEL_SDK_DISABLED", "TRUE"));
        assert_eq!(read("metrics", None, &variables), None);
    }

    #[test]
    fn the_signals_path_is_appended_with_one_slash() {
        for (endpoint, url) in [
            ("http://h:4318", "http://h:4318/v1/traces"),
            ("http://h:4318/", "http://h:4318/v1/traces"),
            ("https://h/otlp/?a=b#c", "https://h/otlp/v1/traces?a=b"),
        ] {
            assert_eq!(endpoint_of(endpoint, "traces").unwrap(), url);
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for endpoint in ["", "localhost", "localhost:4318", "grpc://h:4317"] {
            assert!(endpoint_of(endpoint, "metrics").is_err(), "{endpoint}");
            let disabled = [("OTEL_SDK_DISABLED", "true")];
            assert!(read("metrics", Some(endpoint), &disabled).is_err());
        }
    }
}
