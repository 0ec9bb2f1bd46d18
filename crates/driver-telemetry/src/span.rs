use std::borrow::Cow;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, SpanContext, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

/// A span that ends exactly once: by [`finish`](Self::finish), or as cancelled when it is dropped.
///
/// Without a tracer, it does nothing.
pub(crate) struct OpenSpan {
    context: Context,
    is_open: bool,
}

/// Why a span failed: the attribute `error.type`, with one of a few values, and a message for people.
pub(crate) type SpanError = (Cow<'static, str>, String);

impl OpenSpan {
    /// Starts a child of the span of `parent`, if there is a tracer.
    pub(crate) fn start(
        tracer: Option<&BoxedTracer>,
        span: impl FnOnce() -> SpanBuilder,
        parent: &Context,
    ) -> Self {
        let context = match tracer {
            Some(tracer) => parent.with_span(tracer.build_with_context(span(), parent)),
            None => parent.clone(),
        };
        Self {
            context,
            is_open: tracer.is_some(),
        }
    }

    /// Returns the context in which this span is the current one.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the identity of this span, if there is one.
    pub(crate) fn identity(&self) -> Option<SpanContext> {
        let identity = self.context.span().span_context().clone();
        (self.is_open && identity.is_valid()).then_some(identity)
    }

    /// Ends the span, as failed if there is an error. Does nothing if the span has ended.
    pub(crate) fn finish(&mut self, attributes: Vec<KeyValue>, error: Option<SpanError>) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let span = self.context.span();
        span.set_attributes(attributes);
        if let Some((kind, message)) = error {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_status(Status::error(message));
        }
        span.end();
    }

    /// Ends the span as cancelled. Does nothing if the span has ended.
    pub(crate) fn cancel(&mut self) {
        let message = "cancelled before its end".to_owned();
        self.finish(Vec::new(), Some(("cancelled".into(), message)));
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        self.cancel();
    }
}
