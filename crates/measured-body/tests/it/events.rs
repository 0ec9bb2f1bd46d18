//! The `tracing` event: names and values of its fields, its level, and the span it belongs to.

use measured_body::{Ending, MeasuredBody, Measurements, Recorder, TracingRecorder};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[derive(Debug, Default)]
struct Written {
    level: Option<Level>,
    parent: Option<Id>,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Written {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Keeps every event.
#[derive(Clone, Debug, Default)]
struct Keep {
    events: Arc<Mutex<Vec<Written>>>,
    spans: Arc<AtomicU64>,
}

impl Subscriber for Keep {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut written = Written {
            level: Some(*event.metadata().level()),
            parent: event.parent().cloned(),
            ..Written::default()
        };
        event.record(&mut written);
        self.events.lock().unwrap().push(written);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn only_event(write: impl FnOnce()) -> Written {
    let keep = Keep::default();
    tracing::subscriber::with_default(keep.clone(), write);
    let mut events = keep.events.lock().unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[test]
fn fields() {
    let mut measurements = Measurements::new(Ending::Cancelled);
    measurements.bytes = 65_536;
    measurements.chunks = 2;
    measurements.largest_chunk = 40_000;
    measurements.to_first_poll = Some(Duration::from_micros(1_500));
    measurements.to_first_data = Some(Duration::from_millis(2));
    measurements.transmission = Some(Duration::from_millis(700));
    measurements.busy = Duration::from_millis(100);
    measurements.producer_wait = Duration::from_millis(200);
    measurements.consumer_wait = Duration::from_millis(400);
    measurements.total = Duration::from_micros(701_500);
    let event = only_event(|| TracingRecorder::new().record(&measurements));

    let expected = [
        ("bytes", "65536"),
        ("busy_ms", "100.0"),
        ("chunks", "2"),
        ("consumer_wait_ms", "400.0"),
        ("ending", "\"cancelled\""),
        ("largest_chunk", "40000"),
        ("message", "body ended"),
        ("producer_wait_ms", "200.0"),
        ("to_first_data_ms", "2.0"),
        ("to_transmission_start_ms", "1.5"),
        ("total_ms", "701.5"),
        ("transmission_ms", "700.0"),
    ];
    let expected = BTreeMap::from(expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(event.fields, expected);
    assert_eq!(event.level, Some(Level::DEBUG));
    assert_eq!(event.parent, None);
}

#[test]
fn what_there_was_not_is_absent() {
    let event = only_event(|| {
        let body = http_body_util::Full::new(bytes::Bytes::from_static(b"data"));
        drop(MeasuredBody::new(body, TracingRecorder::default()));
    });
    assert_eq!(event.fields["ending"], "\"never_polled\"");
    for name in [
        "to_transmission_start_ms",
        "to_first_data_ms",
        "transmission_ms",
    ] {
        assert!(!event.fields.contains_key(name), "{name}: {event:?}");
    }
}

#[test]
fn every_level() {
    for level in [
        Level::ERROR,
        Level::WARN,
        Level::INFO,
        Level::DEBUG,
        Level::TRACE,
    ] {
        let recorder = TracingRecorder::new().level(level);
        let event = only_event(|| recorder.record(&Measurements::new(Ending::Failed)));
        assert_eq!(event.level, Some(level));
    }
}

#[test]
fn belongs_to_the_span_in_which_the_recorder_was_made() {
    let mut sent_in = None;
    let event = only_event(|| {
        let span = tracing::info_span!("solve");
        sent_in = span.id();
        let recorder = TracingRecorder::in_span(span);
        // Elsewhere, such as in a task of the HTTP client.
        let _entered = tracing::info_span!("connection").entered();
        recorder.record(&Measurements::new(Ending::Complete));
    });
    assert!(sent_in.is_some());
    assert_eq!(event.parent, sent_in);
}
