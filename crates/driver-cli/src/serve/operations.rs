//! Health, readiness and metrics, for operators and their tools.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use driver_streaming::error_chain;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};
use prometheus::TextEncoder;
use sd_notify::NotifyState;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use super::Service;
use crate::archiving::Archiving;

/// How long the result of a check of the store is used.
const KNOWN_FOR: Duration = Duration::from_secs(10);
/// How long a check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(5);
/// The buckets of the semantic conventions, in seconds, and longer ones for auctions.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0,
];

pub(super) async fn health() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(service): State<Arc<Service>>) -> Response {
    if service.tasks.is_closed() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let engines = service.engines();
    match service.store.usable(engines.archiving.as_deref()).await {
        Ok(()) => "ready\n".into_response(),
        Err(why) => {
            tracing::warn!("not ready: {why}");
            // The reason goes to the log only: it may name hosts.
            let why = "the archive cannot be written\n";
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}

/// Checks whether the store can be used, and remembers the result for a while.
#[derive(Default)]
pub(super) struct StoreCheck(Mutex<Option<Known>>);

type Known = (Instant, Result<(), String>);

impl StoreCheck {
    /// Whether auctions can be archived, as far as is known, or why not.
    async fn usable(&self, archiving: Option<&Archiving>) -> Result<(), String> {
        let Some(archiving) = archiving else {
            return Ok(());
        };
        // One request checks, and the others wait for its result.
        let mut known = self.0.lock().await;
        if let Some((at, found)) = &*known
            && at.elapsed() < KNOWN_FOR
        {
            return found.clone();
        }
        let archive = &archiving.archive;
        // What is created is dropped at once, and leaves nothing in the spool.
        if let Some(spool) = &archiving.spool
            && spool.create(archive, "ready").await.is_ok()
        {
            return Ok(());
        }
        let found = match timeout(CHECK_LIMIT, archive.check()).await {
            Ok(Ok(_access)) => Ok(()),
            Ok(Err(error)) => Err(error_chain(&error)),
            Err(_elapsed) => Err(format!("the store did not answer within {CHECK_LIMIT:?}")),
        };
        *known = Some((Instant::now(), found.clone()));
        found
    }

    /// Discards the result, because the store has changed.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    match TextEncoder::new().encode_to_string(&service.registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Metrics of the requests to the service, as the semantic conventions name them.
pub(super) struct RequestMeters {
    active: UpDownCounter<i64>,
    duration: Histogram<f64>,
}

impl RequestMeters {
    pub(super) fn new(meter: &Meter) -> Self {
        let runtime = Handle::current().metrics();
        let _tasks = meter
            .u64_observable_gauge("driver_streaming.tasks")
            .with_unit("{task}")
            .with_description("Number of the service's tasks.")
            .with_callback(move |tasks| tasks.observe(runtime.num_alive_tasks() as u64, &[]))
            .build();
        Self {
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP server requests.")
                .with_boundaries(SECONDS.to_vec())
                .build(),
        }
    }
}

/// How many requests of a connection have no answer yet.
pub(super) type Requests = watch::Sender<usize>;

/// Measures a request, even if its peer goes away.
pub(super) async fn measured(
    State(service): State<Arc<Service>>,
    Extension(requests): Extension<Requests>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route = path.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let mut measure = Measure {
        route: vec![KeyValue::new("http.route", route)],
        started: Instant::now(),
        status: None,
        service,
        requests,
    };
    measure.service.meters.active.add(1, &measure.route);
    measure.requests.send_modify(|requests| *requests += 1);
    let response = next.run(request).await;
    measure.status = Some(response.status());
    response
}

struct Measure {
    service: Arc<Service>,
    requests: Requests,
    route: Vec<KeyValue>,
    started: Instant,
    status: Option<StatusCode>,
}

impl Drop for Measure {
    fn drop(&mut self) {
        let meters = &self.service.meters;
        meters.active.add(-1, &self.route);
        self.requests.send_modify(|requests| *requests -= 1);
        let mut attributes = std::mem::take(&mut self.route);
        attributes.push(match self.status {
            Some(status) => KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
            None => KeyValue::new("error.type", "cancelled"),
        });
        let took = self.started.elapsed().as_secs_f64();
        meters.duration.record(took, &attributes);
    }
}

/// Notifies systemd, if the service runs under it.
pub(super) fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("systemd cannot be notified: {error}");
    }
}
