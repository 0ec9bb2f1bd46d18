use std::future::Future;
use std::time::Duration;

use futures_util::future::{OptionFuture, join};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::collector_client::CollectorClient;
use super::environment::{Environment, Signal};
use super::export_error::ExportError;
use super::last_failure::LastFailure;
use super::target::endpoint_of;
use driver_streaming::error_chain;
use driver_streaming::{PipelineBuilder, Telemetry};
use upload_client::{ClientSettings, UploadClient};

/// The name of the program to whoever reads its telemetry, unless the environment gives it another.
const SERVICE: &str = "driver-streaming";

/// How long leaving waits for a collector, in all.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// The program's telemetry, on its way to a collector. It never holds up a run: exports happen beside it, and
/// [`finish`](Self::finish), which waits for them, has a limit.
#[derive(Debug, Default)]
pub(crate) struct Export {
    traces: Option<Provider<SdkTracerProvider>>,
    metrics: Option<Provider<SdkMeterProvider>>,
}

#[derive(Debug)]
struct Provider<P> {
    provider: P,
    failure: LastFailure,
}

impl Export {
    /// Exports to `endpoint`, else to where the environment says, else not at all. To be called in a runtime.
    ///
    /// What is wrong with the environment is a warning: an auction does not fail for want of telemetry.
    ///
    /// # Errors
    /// When `endpoint` is no URL that can be exported to.
    pub(crate) fn start(endpoint: Option<&str>) -> Result<Self, ExportError> {
        let environment = Environment::new(|name: &str| std::env::var(name).ok());
        let plan = |signal| -> Result<_, ExportError> {
            // The option is checked even if it is not needed: a mistake in it should not depend on the environment.
            let url = endpoint
                .map(|endpoint| endpoint_of(endpoint, signal))
                .transpose()?;
            let is_wanted = !environment.is_disabled()
                && environment.wants(signal)
                && (url.is_some() || environment.has_endpoint(signal));
            Ok(is_wanted.then(|| (url, environment.timeout(signal))))
        };
        let (traces, metrics) = (plan(Signal::Traces)?, plan(Signal::Metrics)?);
        let resource = resource();
        let traces = traces.and_then(|(url, timeout)| {
            let failure = LastFailure::default();
            let client = client(timeout, &failure)?;
            let mut exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(client)
                .with_timeout(timeout);
            if let Some(url) = url {
                exporter = exporter.with_endpoint(url);
            }
            let exporter = or_warn(exporter.build())?;
            let provider = SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_batch_exporter(exporter)
                .build();
            Some(Provider { provider, failure })
        });
        let metrics = metrics.and_then(|(url, timeout)| {
            let failure = LastFailure::default();
            let client = client(timeout, &failure)?;
            let mut exporter = MetricExporter::builder()
                .with_http()
                .with_http_client(client)
                .with_timeout(timeout);
            if let Some(url) = url {
                exporter = exporter.with_endpoint(url);
            }
            let exporter = or_warn(exporter.build())?;
            let provider = SdkMeterProvider::builder()
                .with_resource(resource)
                .with_periodic_exporter(exporter)
                .build();
            Some(Provider { provider, failure })
        });
        Ok(Self { traces, metrics })
    }

    /// Has a pipeline tell what it does.
    pub(crate) fn attach(&self, builder: PipelineBuilder) -> PipelineBuilder {
        let scope = InstrumentationScope::builder(SERVICE)
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let mut telemetry = Telemetry::new();
        if let Some(metrics) = &self.metrics {
            telemetry = telemetry.meter(&metrics.provider.meter_with_scope(scope.clone()));
        }
        if let Some(traces) = &self.traces {
            telemetry = telemetry.tracer(traces.provider.tracer_with_scope(scope));
        }
        builder.observe(move |run| telemetry.start(run))
    }

    /// Exports what is left. Whatever the collector does, this takes no longer than 5 s; what it does not take by
    /// then is lost, and a warning says so.
    pub(crate) async fn finish(self) {
        let traces = self.traces.map(|Provider { provider, failure }| {
            flushed("spans", failure, move || {
                provider.shutdown_with_timeout(FLUSH_LIMIT)
            })
        });
        let metrics = self.metrics.map(|Provider { provider, failure }| {
            flushed("metrics", failure, move || {
                provider.shutdown_with_timeout(FLUSH_LIMIT)
            })
        });
        let _both_warned = join(OptionFuture::from(traces), OptionFuture::from(metrics)).await;
    }
}

/// Runs `flush`, which blocks, on a thread that leaving does not wait for.
fn flushed(
    what: &'static str,
    failure: LastFailure,
    flush: impl FnOnce() -> OTelSdkResult + Send + 'static,
) -> impl Future<Output = ()> {
    let (sender, done) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name(format!("flush {what}"))
        .spawn(move || {
            // Nobody listens any more when the limit has passed.
            let _heard = sender.send(flush());
        });
    async move {
        let flushed = match thread {
            Ok(_detached) => tokio::time::timeout(FLUSH_LIMIT, done).await,
            Err(error) => {
                tracing::warn!("{what} were not exported: no thread for it: {error}");
                return;
            }
        };
        let cause = match flushed {
            Ok(Ok(Ok(()))) => match failure.get() {
                None => return,
                Some(cause) => cause,
            },
            Ok(Ok(Err(error))) => failure.get().unwrap_or_else(|| error_chain(&error)),
            Ok(Err(_panicked)) => "the exporter panicked".to_owned(),
            Err(_elapsed) => format!("the collector took longer than {FLUSH_LIMIT:?}"),
        };
        tracing::warn!("{what} were not exported: {cause}");
    }
}

fn client(timeout: Duration, failure: &LastFailure) -> Option<CollectorClient> {
    let settings = ClientSettings {
        tcp_user_timeout: Some(timeout),
        ..ClientSettings::default()
    };
    let client = or_warn(UploadClient::new(&settings))?;
    Some(CollectorClient::new(
        Handle::current(),
        client,
        timeout,
        failure.clone(),
    ))
}

/// What the environment says, and the program's name if it gives none.
fn resource() -> Resource {
    let found = Resource::builder().build();
    let name = found.get(&"service.name".into());
    // The specification's fallback, for programs that do not name themselves.
    let is_unnamed = name.is_none_or(|name| name.as_str().starts_with("unknown_service"));
    let builder = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_unnamed {
        builder.with_service_name(SERVICE).build()
    } else {
        builder.build()
    }
}

fn or_warn<T, E: std::error::Error + 'static>(result: Result<T, E>) -> Option<T> {
    result
        .inspect_err(|error| tracing::warn!("nothing is exported: {}", error_chain(error)))
        .ok()
}
