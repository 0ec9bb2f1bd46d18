use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use measured_body::{Measurements, ProductionMeter, Recorder};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, SpanKind, TraceFlags};
use opentelemetry::{Context, KeyValue};
use tokio::time::Instant;

use crate::observer::{Observer, RunStart};
use crate::outcome::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome, SolverStatus};
use crate::telemetry::metrics::{Instruments, record_seconds};
use crate::telemetry::names::{self, body};
use crate::telemetry::span::{OpenSpan, SpanError};
use crate::telemetry::target::Target;

/// <https://www.w3.org/TR/trace-context/#traceparent-header>
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// <https://www.w3.org/TR/trace-context/#tracestate-header>
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// Observes one run. What has not ended when it is dropped ends as cancelled.
pub(crate) struct RunTelemetry {
    targets: Arc<[Target]>,
    instruments: Option<Arc<Instruments>>,
    started: Instant,
    // Spans end in this order, children before their parent.
    solvers: Vec<Mutex<SolverSpan>>,
    archive: Option<Mutex<OpenSpan>>,
    auction: Mutex<OpenSpan>,
}

/// The span of all requests to one solver.
struct SolverSpan {
    span: OpenSpan,
    /// What happened to the body of the last request.
    last: Option<Measurements>,
}

impl RunTelemetry {
    pub(crate) fn start(
        targets: Arc<[Target]>,
        instruments: Option<Arc<Instruments>>,
        tracer: Option<&BoxedTracer>,
        run: &RunStart<'_>,
    ) -> Self {
        let builder = || {
            let id = run.id.map(|id| id.as_str().to_owned());
            SpanBuilder::from_name("auction")
                .with_kind(SpanKind::Internal)
                .with_attributes(id.map(|id| KeyValue::new(names::AUCTION_ID, id)))
        };
        let auction = OpenSpan::start(tracer, builder, &Context::current());
        let solver = |target: &Target| {
            let builder = || {
                let url = KeyValue::new(names::URL_FULL, target.url.clone());
                // The name that the semantic conventions give a request whose path has no template.
                SpanBuilder::from_name("POST")
                    .with_kind(SpanKind::Client)
                    .with_attributes(target.attributes.iter().cloned().chain([url]))
            };
            let span = OpenSpan::start(tracer, builder, auction.context());
            Mutex::new(SolverSpan { span, last: None })
        };
        let archive = || {
            let builder = || SpanBuilder::from_name("archive").with_kind(SpanKind::Internal);
            Mutex::new(OpenSpan::start(tracer, builder, auction.context()))
        };
        Self {
            solvers: targets.iter().map(solver).collect(),
            archive: run.is_archived.then(archive),
            auction: Mutex::new(auction),
            targets,
            instruments,
            started: Instant::now(),
        }
    }

    fn solver(&self, solver: usize) -> Option<(&Target, MutexGuard<'_, SolverSpan>)> {
        Some((self.targets.get(solver)?, lock(self.solvers.get(solver)?)))
    }
}

fn lock<T>(span: &Mutex<T>) -> MutexGuard<'_, T> {
    span.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for RunTelemetry {
    /// Says in the requests which span they belong to, if there is one.
    fn headers(&self, solver: usize, headers: &mut HeaderMap) {
        let identity = self
            .solver(solver)
            .and_then(|(_, solver)| solver.span.identity());
        let Some(identity) = identity else {
            return;
        };
        let parent = format!(
            "00-{}-{}-{:02x}",
            identity.trace_id(),
            identity.span_id(),
            identity.trace_flags() & TraceFlags::SAMPLED
        );
        if let Ok(parent) = HeaderValue::from_str(&parent) {
            headers.insert(TRACE_PARENT, parent);
        }
        let state = identity.trace_state().header();
        if let Ok(state) = HeaderValue::from_str(&state)
            && !state.is_empty()
        {
            headers.insert(TRACE_STATE, state);
        }
    }

    fn restarted(&self, reader: usize) {
        if let Some((_, mut solver)) = self.solver(reader) {
            solver.last = None;
        }
    }

    fn body_ended(&self, solver: usize, measurements: &Measurements) {
        if let Some((target, mut solver)) = self.solver(solver) {
            solver.last = Some(measurements.clone());
            target.recorder.clone().record(measurements);
        }
    }

    fn solver_ended(&self, solver: usize, outcome: &SolverOutcome) {
        let Some((target, mut solver)) = self.solver(solver) else {
            return;
        };
        let Some(status) = status_name(outcome.status) else {
            solver.span.cancel();
            return;
        };
        let error = error_type(outcome);
        let mut attributes = vec![KeyValue::new(names::SOLVER_STATUS, status)];
        attributes.extend(
            outcome
                .http_status
                .map(|code| KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, i64::from(code))),
        );
        if let Some(instruments) = &self.instruments {
            let kind = error.clone();
            let of_request: Vec<_> = target
                .attributes
                .iter()
                .chain(&attributes)
                .cloned()
                .chain(kind.map(|kind| KeyValue::new(names::ERROR_TYPE, kind)))
                .collect();
            record_seconds(&instruments.request, self.started.elapsed(), &of_request);
        }
        let resent = outcome.attempts.saturating_sub(1);
        attributes.push(KeyValue::new(
            names::HTTP_REQUEST_RESEND_COUNT,
            i64::from(resent),
        ));
        attributes.extend(solver.last.iter().flat_map(measured));
        let error = error.map(|kind| SpanError::new(kind, outcome.error.as_deref()));
        solver.span.finish(attributes, error);
    }

    fn archive_ended(&self, outcome: &ArchiveOutcome) {
        let Some(archive) = &self.archive else {
            return;
        };
        if outcome.status == ArchiveStatus::Cancelled {
            lock(archive).cancel();
            return;
        }
        let is_ok = outcome.status == ArchiveStatus::Ok;
        let text = |name, value: &Option<String>| {
            value
                .as_ref()
                .map(|value| KeyValue::new(name, value.clone()))
        };
        let mut attributes = vec![KeyValue::new(
            names::ARCHIVE_STATUS,
            if is_ok { "ok" } else { "failed" },
        )];
        attributes.extend(text(names::ARCHIVE_CODEC, &outcome.codec));
        if let Some(instruments) = &self.instruments {
            record_seconds(&instruments.archive, self.started.elapsed(), &attributes);
            for (histogram, bytes) in [
                (&instruments.archive_raw, outcome.raw_bytes),
                (&instruments.archive_stored, outcome.stored_bytes),
            ] {
                if let Some(bytes) = bytes {
                    histogram.record(bytes, &attributes);
                }
            }
        }
        for (name, number) in [
            (names::ARCHIVE_RAW_SIZE, outcome.raw_bytes),
            (names::ARCHIVE_STORED_SIZE, outcome.stored_bytes),
            (names::ARCHIVE_PARTS, outcome.parts),
        ] {
            attributes.extend(number.map(|number| KeyValue::new(name, integer(number))));
        }
        attributes.extend(text(names::ARCHIVE_LOCATION, &outcome.location));
        let failed = || SpanError::new("archive_failed".into(), outcome.error.as_deref());
        lock(archive).finish(attributes, (!is_ok).then(failed));
    }

    fn run_ended(&self, outcome: &Outcome, production: &ProductionMeter) {
        if outcome.is_cancelled() {
            // It ends as such when it is dropped.
            return;
        }
        let status = if outcome.is_ok() { "ok" } else { "failed" };
        let status = KeyValue::new(names::AUCTION_STATUS, status);
        if let Some(instruments) = &self.instruments {
            let attributes = std::slice::from_ref(&status);
            record_seconds(&instruments.auction, self.started.elapsed(), attributes);
            instruments.record_production(production);
        }
        let auction = &outcome.auction;
        let size = auction
            .bytes
            .map(|bytes| KeyValue::new(names::AUCTION_SIZE, integer(bytes)));
        let digest = auction
            .sha256
            .clone()
            .map(|digest| KeyValue::new(names::AUCTION_SHA256, digest));
        let passes = outcome
            .serialize
            .passes
            .map(|passes| KeyValue::new(names::PRODUCTION_PASSES, passes));
        let attributes = [
            status,
            KeyValue::new(names::PRODUCTION_BUSY, production.busy().as_secs_f64()),
            KeyValue::new(names::PRODUCTION_WAIT, production.waiting().as_secs_f64()),
            KeyValue::new(names::PRODUCTIONS, integer(production.productions())),
        ];
        let attributes = attributes
            .into_iter()
            .chain(size)
            .chain(digest)
            .chain(passes);
        lock(&self.auction).finish(attributes, failure(outcome));
    }
}

fn failure(outcome: &Outcome) -> Option<SpanError> {
    let failed = outcome
        .solvers
        .iter()
        .filter(|solver| solver.status != SolverStatus::Ok)
        .count();
    let archive = outcome.archive.status == ArchiveStatus::Failed;
    let solvers = outcome.solvers.len();
    let (kind, message) = match (failed, archive) {
        (0, false) => return None,
        (0, true) => ("archive_failed", "the archive failed".to_owned()),
        (_, false) => (
            "solver_failed",
            format!("{failed} of {solvers} solvers failed"),
        ),
        (_, true) => (
            "solver_and_archive_failed",
            format!("{failed} of {solvers} solvers and the archive failed"),
        ),
    };
    Some(SpanError::new(kind.into(), Some(&message)))
}

/// `None` for a request that was cancelled: it counts as no request.
fn status_name(status: SolverStatus) -> Option<&'static str> {
    match status {
        SolverStatus::Ok => Some("ok"),
        SolverStatus::Failed => Some("failed"),
        SolverStatus::TimedOut => Some("timed_out"),
        SolverStatus::Cancelled => None,
    }
}

/// The attribute `error.type`: by the conventions the status code if that is the error, else one of a few words.
fn error_type(outcome: &SolverOutcome) -> Option<Cow<'static, str>> {
    match (outcome.status, outcome.http_status) {
        (SolverStatus::Ok, _) => None,
        (SolverStatus::TimedOut, _) => Some("timeout".into()),
        (SolverStatus::Cancelled, _) => Some("cancelled".into()),
        (SolverStatus::Failed, Some(200..=299)) => Some("invalid_answer".into()),
        (SolverStatus::Failed, Some(code)) => Some(code.to_string().into()),
        (SolverStatus::Failed, None) => Some("request_failed".into()),
    }
}

/// What happened to the body, under the names of its metrics, in their units.
fn measured(found: &Measurements) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new(body::ENDING, found.ending.as_str()),
        KeyValue::new(names::HTTP_REQUEST_BODY_SIZE, integer(found.bytes)),
        KeyValue::new(body::CHUNKS, integer(found.chunks)),
        KeyValue::new(body::LARGEST_CHUNK, integer(found.largest_chunk)),
        KeyValue::new(body::TOTAL, found.total.as_secs_f64()),
    ];
    let parts = found.transmission.is_some();
    for (name, duration) in [
        (body::TO_FIRST_POLL, found.to_first_poll),
        (body::TO_FIRST_DATA, found.to_first_data),
        (body::TRANSMISSION, found.transmission),
        (body::BUSY, parts.then_some(found.busy)),
        (body::PRODUCER_WAIT, parts.then_some(found.producer_wait)),
        (body::CONSUMER_WAIT, parts.then_some(found.consumer_wait)),
    ] {
        attributes.extend(duration.map(|duration| KeyValue::new(name, duration.as_secs_f64())));
    }
    attributes
}

/// OpenTelemetry has signed integers only.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
