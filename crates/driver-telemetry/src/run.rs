use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_streaming::{
    ArchiveOutcome, ArchiveStatus, Observer, Outcome, ProductionMeter, RunStart, SolverOutcome,
    SolverStatus,
};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use measured_body::{Measurements, Recorder};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, SpanKind, TraceFlags};
use opentelemetry::{Context, KeyValue, Value};

use crate::metrics::{Instruments, Target, record_seconds};
use crate::span::{OpenSpan, SpanError};

/// <https://www.w3.org/TR/trace-context/#traceparent-header>
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// <https://www.w3.org/TR/trace-context/#tracestate-header>
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// Observes one run. Spans that are open when it is dropped end as cancelled.
pub(crate) struct RunTelemetry {
    targets: Arc<[Target]>,
    instruments: Option<Arc<Instruments>>,
    /// Whether the auction's id was known at the start.
    is_named: bool,
    started: Instant,
    // Spans end in this order, children before their parent.
    solvers: Vec<Mutex<SolverSpan>>,
    archive: Option<Mutex<OpenSpan>>,
    auction: Mutex<OpenSpan>,
}

/// The span of all requests to one solver.
struct SolverSpan {
    span: OpenSpan,
    /// The measurements of the last request's body.
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
                .with_attributes(id.map(|id| KeyValue::new("driver_streaming.auction.id", id)))
        };
        let auction = OpenSpan::start(tracer, builder, &Context::current());
        let solver = |target: &Target| {
            let builder = || {
                let url = KeyValue::new("url.full", target.url.clone());
                // The semantic conventions name a request like this if its path has no template.
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
            is_named: run.id.is_some(),
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
    /// Adds the headers that identify the span of the request, if there is one.
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
            drop(solver);
            target.recorder.clone().record(measurements);
        }
    }

    fn solver_ended(&self, solver: usize, outcome: &SolverOutcome) {
        let Some((target, mut solver)) = self.solver(solver) else {
            return;
        };
        if outcome.status == SolverStatus::Cancelled {
            solver.span.cancel();
            return;
        }
        let status = outcome.status.to_string();
        let mut attributes = vec![KeyValue::new("driver_streaming.solver.status", status)];
        let code = outcome.http_status.map(i64::from);
        add(&mut attributes, "http.response.status_code", code);
        let kind = error_type(outcome);
        if let Some(instruments) = &self.instruments {
            let mut of_request = target.attributes.clone();
            of_request.extend(attributes.iter().cloned());
            add(&mut of_request, "error.type", kind.clone());
            record_seconds(&instruments.request, self.started.elapsed(), &of_request);
            if let Some(thinking) = outcome.thinking_ms {
                instruments.thinking.record(thinking / 1000.0, &of_request);
            }
        }
        let resent = i64::from(outcome.attempts.saturating_sub(1));
        attributes.push(KeyValue::new("http.request.resend_count", resent));
        if let Some(found) = &solver.last {
            add_measured(&mut attributes, found);
        }
        let error = kind.map(|kind| (kind, message(outcome.error.as_deref())));
        solver.span.finish(attributes, error);
    }

    fn archive_ended(&self, outcome: &ArchiveOutcome) {
        let Some(archive) = &self.archive else {
            return;
        };
        let status = match outcome.status {
            ArchiveStatus::Cancelled => return lock(archive).cancel(),
            ArchiveStatus::Failed if outcome.document_failed => "skipped".to_owned(),
            status => status.to_string(),
        };
        let mut attributes = vec![KeyValue::new("driver_streaming.archive.status", status)];
        let (codec, placement) = (outcome.codec.clone(), outcome.placement);
        add(&mut attributes, "driver_streaming.archive.codec", codec);
        add(
            &mut attributes,
            "driver_streaming.archive.placement",
            placement,
        );
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
            ("driver_streaming.archive.raw.size", outcome.raw_bytes),
            ("driver_streaming.archive.stored.size", outcome.stored_bytes),
            ("driver_streaming.archive.parts", outcome.parts),
        ] {
            add(&mut attributes, name, number.map(integer));
        }
        let location = outcome.location.clone();
        add(
            &mut attributes,
            "driver_streaming.archive.location",
            location,
        );
        let failed = || ("archive_failed".into(), message(outcome.error.as_deref()));
        let error = (!outcome.status.is_ok()).then(failed);
        lock(archive).finish(attributes, error);
    }

    fn run_ended(&self, outcome: &Outcome, production: &ProductionMeter) {
        if outcome.is_cancelled() {
            // The spans end as cancelled when they are dropped.
            return;
        }
        let status = if outcome.is_ok() { "ok" } else { "failed" };
        let mut attributes = vec![KeyValue::new("driver_streaming.auction.status", status)];
        if let Some(instruments) = &self.instruments {
            record_seconds(&instruments.auction, self.started.elapsed(), &attributes);
            instruments.record_production(production);
        }
        let (busy, waiting) = (production.busy(), production.waiting());
        let productions = integer(production.productions());
        attributes.extend([
            KeyValue::new(
                "driver_streaming.production.busy.duration",
                busy.as_secs_f64(),
            ),
            KeyValue::new(
                "driver_streaming.production.wait.duration",
                waiting.as_secs_f64(),
            ),
            KeyValue::new("driver_streaming.productions", productions),
        ]);
        let bytes = outcome.auction.bytes.map(integer);
        add(&mut attributes, "driver_streaming.auction.size", bytes);
        let digest = outcome.auction.sha256.clone();
        add(&mut attributes, "driver_streaming.auction.sha256", digest);
        let passes = outcome.serialize.passes;
        add(
            &mut attributes,
            "driver_streaming.production.passes",
            passes,
        );
        // It may have become known in the middle of the run.
        let id = outcome.auction.id.clone().filter(|_| !self.is_named);
        add(&mut attributes, "driver_streaming.auction.id", id);
        lock(&self.auction).finish(attributes, failure(outcome));
    }
}

fn failure(outcome: &Outcome) -> Option<SpanError> {
    let failed = outcome
        .solvers
        .iter()
        .filter(|solver| solver.status != SolverStatus::Ok)
        .count();
    let archive = !outcome.archive.status.is_ok();
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
    Some((kind.into(), message))
}

/// Returns the attribute `error.type`. According to the conventions, it is the status code if that is the error, and one of
/// a few words otherwise.
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

/// Adds the measurements of a body, under the names and in the units of its metrics.
fn add_measured(attributes: &mut Vec<KeyValue>, found: &Measurements) {
    attributes.push(KeyValue::new("measured_body.ending", found.ending.as_str()));
    for (name, number) in [
        ("http.request.body.size", found.bytes),
        ("measured_body.chunks", found.chunks),
        ("measured_body.largest_chunk.size", found.largest_chunk),
    ] {
        attributes.push(KeyValue::new(name, integer(number)));
    }
    let part = |duration| found.transmission.map(|_| duration);
    for (name, duration) in [
        ("measured_body.total.duration", Some(found.total)),
        ("measured_body.to_first_poll.duration", found.to_first_poll),
        ("measured_body.to_first_data.duration", found.to_first_data),
        ("measured_body.transmission.duration", found.transmission),
        ("measured_body.busy.duration", part(found.busy)),
        (
            "measured_body.producer_wait.duration",
            part(found.producer_wait),
        ),
        (
            "measured_body.consumer_wait.duration",
            part(found.consumer_wait),
        ),
    ] {
        add(
            attributes,
            name,
            duration.as_ref().map(Duration::as_secs_f64),
        );
    }
}

fn add(attributes: &mut Vec<KeyValue>, name: &'static str, value: Option<impl Into<Value>>) {
    attributes.extend(value.map(|value| KeyValue::new(name, value)));
}

fn message(error: Option<&str>) -> String {
    error.unwrap_or("failed").to_owned()
}

/// Converts to a signed integer, because OpenTelemetry has no others.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
