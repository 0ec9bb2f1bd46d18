use std::sync::Arc;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};
use tokio::time::Instant;

use super::auction_telemetry::integer;
use super::instruments::{Instruments, record_seconds};
use super::names;
use super::open_span::{OpenSpan, SpanError};
use crate::outcome::{ArchiveOutcome, ArchiveStatus};

/// One archive. Dropped before [`finish`](Self::finish), its span ends as cancelled.
pub(crate) struct ArchiveTelemetry {
    instruments: Option<Arc<Instruments>>,
    started: Instant,
    span: OpenSpan,
}

impl ArchiveTelemetry {
    pub(super) fn start(
        instruments: Option<Arc<Instruments>>,
        tracer: Option<&BoxedTracer>,
        parent: &Context,
    ) -> Self {
        let builder = || SpanBuilder::from_name("archive").with_kind(SpanKind::Internal);
        Self {
            instruments,
            started: Instant::now(),
            span: OpenSpan::start(tracer, builder, parent),
        }
    }

    /// It is committed, or has failed.
    pub(crate) fn finish(self, outcome: &ArchiveOutcome) {
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
        let error = (!is_ok).then(|| SpanError {
            kind: "archive_failed".into(),
            message: outcome.error.clone().unwrap_or_else(|| "failed".to_owned()),
        });
        self.span.finish(attributes, error);
    }
}
