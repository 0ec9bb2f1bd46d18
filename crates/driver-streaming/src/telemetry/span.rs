use std::borrow::Cow;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, SpanContext, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use crate::telemetry::names;

/// A span that ends exactly once: by [`finish`](Self::finish), or as cancelled when it is dropped.
///
/// Without a tracer it is no span, and does nothing.
pub(crate) struct OpenSpan {
    context: Context,
    is_open: bool,
}

/// Why a span failed.
pub(crate) struct SpanError {
    /// The attribute `error.type`: one of a few values.
    kind: Cow<'static, str>,
    /// For people.
    message: String,
}

impl SpanError {
    pub(crate) fn new(kind: Cow<'static, str>, message: Option<&str>) -> Self {
        Self {
            kind,
            message: message.unwrap_or("failed").to_owned(),
        }
    }
}

impl OpenSpan {
    /// Starts a span below that of `parent`, if there is a tracer.
    pub(crate) fn start(
        tracer: Option<&BoxedTracer>,
        span: impl FnOnce() -> SpanBuilder,
        parent: &Context,
    ) -> Self {
        match tracer {
            Some(tracer) => Self {
                context: parent.with_span(tracer.build_with_context(span(), parent)),
                is_open: true,
            },
            None => Self {
                context: parent.clone(),
                is_open: false,
            },
        }
    }

    /// The context in which this span is the current one.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// What identifies this span, if there is one.
    pub(crate) fn identity(&self) -> Option<SpanContext> {
        let identity = self.context.span().span_context().clone();
        (self.is_open && identity.is_valid()).then_some(identity)
    }

    /// Ends the span, which failed if there is an error.
    pub(crate) fn finish(
        &mut self,
        attributes: impl IntoIterator<Item = KeyValue>,
        error: Option<SpanError>,
    ) {
        if self.is_open {
            self.context.span().set_attributes(attributes);
            self.end(error);
        }
    }

    /// Ends the span as cancelled, unless it has ended.
    pub(crate) fn cancel(&mut self) {
        if self.is_open {
            self.end(Some(SpanError::new(
                "cancelled".into(),
                Some("given up before its end"),
            )));
        }
    }

    fn end(&mut self, error: Option<SpanError>) {
        self.is_open = false;
        let span = self.context.span();
        if let Some(SpanError { kind, message }) = error {
            span.set_attribute(KeyValue::new(names::ERROR_TYPE, kind));
            span.set_status(Status::error(message));
        }
        span.end();
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        self.cancel();
    }
}
