use std::borrow::Cow;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use measured_body::{Measurements, Recorder};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, SpanKind, TraceFlags};
use opentelemetry::{Context, KeyValue};

use super::auction_telemetry::integer;
use super::instruments::{Instruments, record_seconds};
use super::names::{self, body};
use super::open_span::{OpenSpan, SpanError};
use super::target::Target;
use crate::outcome::SolverStatus;
use crate::solver::Exchange;

/// <https://www.w3.org/TR/trace-context/#traceparent-header>
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// <https://www.w3.org/TR/trace-context/#tracestate-header>
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// One solver's request, with its retries. Dropped before [`finish`](Self::finish), its span ends as cancelled.
pub(crate) struct SolverTelemetry {
    target: Arc<Target>,
    instruments: Option<Arc<Instruments>>,
    span: OpenSpan,
}

impl SolverTelemetry {
    pub(super) fn start(
        target: Arc<Target>,
        instruments: Option<Arc<Instruments>>,
        tracer: Option<&BoxedTracer>,
        parent: &Context,
    ) -> Self {
        let builder = || {
            let url = KeyValue::new(names::URL_FULL, target.url.clone());
            // The name that the semantic conventions give a request whose path has no template.
            SpanBuilder::from_name("POST")
                .with_kind(SpanKind::Client)
                .with_attributes(target.attributes.iter().cloned().chain([url]))
        };
        let span = OpenSpan::start(tracer, builder, parent);
        Self {
            target,
            instruments,
            span,
        }
    }

    /// Records what happens to the request's body.
    pub(crate) fn recorder(&self) -> Option<impl Recorder + Send + Sync + 'static + use<>> {
        self.target.recorder.clone()
    }

    /// Says in the request which span it belongs to, if there is one.
    pub(crate) fn propagate(&self, headers: &mut HeaderMap) {
        let Some(identity) = self.span.identity() else {
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

    /// The request is over.
    pub(crate) fn finish(self, exchange: &Exchange) {
        let error = error_type(exchange);
        let mut outcome = vec![KeyValue::new(
            names::SOLVER_STATUS,
            status_name(exchange.status()),
        )];
        outcome.extend(
            exchange
                .http_status()
                .map(|code| KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, i64::from(code))),
        );
        if let Some(instruments) = &self.instruments {
            let mut attributes = self.target.attributes.clone();
            attributes.extend(outcome.iter().cloned());
            attributes.extend(
                error
                    .clone()
                    .map(|kind| KeyValue::new(names::ERROR_TYPE, kind)),
            );
            record_seconds(&instruments.request, exchange.elapsed(), &attributes);
        }
        let resent = exchange.attempts().saturating_sub(1);
        outcome.push(KeyValue::new(
            names::HTTP_REQUEST_RESEND_COUNT,
            i64::from(resent),
        ));
        if let Some(found) = exchange.measurements() {
            outcome.extend(measured(found));
        }
        let error = error.map(|kind| SpanError {
            kind,
            message: exchange.error().unwrap_or("failed").to_owned(),
        });
        self.span.finish(outcome, error);
    }
}

fn status_name(status: SolverStatus) -> &'static str {
    match status {
        SolverStatus::Ok => "ok",
        SolverStatus::Failed => "failed",
        SolverStatus::TimedOut => "timed_out",
        SolverStatus::Cancelled => "cancelled",
    }
}

/// The attribute `error.type`: by the conventions the status code if that is the error, else one of a few words.
fn error_type(exchange: &Exchange) -> Option<Cow<'static, str>> {
    match (exchange.status(), exchange.http_status()) {
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
