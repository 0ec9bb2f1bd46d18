//! Hostile bodies and consumers: each gets exactly one report, with the right ending.

use crate::support::Step::{Data, Error, Panic, Pending, Trailers};
use crate::support::{ManualClock, Reports, Scripted, poll_frame, poll_next};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::StreamBody;
use measured_body::{Ending, MeasuredBody, MeasuredStream, Measurements};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Polls `body`, measured, this often, then drops it.
fn poll_and_drop(body: Scripted, polls: usize) -> Measurements {
    let reports = Reports::default();
    let mut body = MeasuredBody::new(body, reports.recorder());
    for _ in 0..polls {
        let _ = poll_frame(&mut body);
    }
    drop(body);
    reports.only()
}

#[test]
fn empty() {
    let polled = poll_and_drop(Scripted::new([]), 1);
    assert_eq!(polled.ending, Ending::Complete);
    assert_eq!((polled.bytes, polled.chunks), (0, 0));
    assert_eq!(polled.to_first_data, None);
    assert!(polled.transmission.is_some());
}

#[test]
fn never_polled() {
    // Even if the body reports that it is empty: the report says what happened.
    for body in [
        Scripted::new([]).with_known_length().that_knows_its_end(),
        Scripted::new([Data("data")]),
    ] {
        let report = poll_and_drop(body, 0);
        assert_eq!(report.ending, Ending::NeverPolled);
        assert_eq!(report.to_first_poll, None);
        assert_eq!(report.transmission, None);
    }
}

#[test]
fn one_empty_frame() {
    let report = poll_and_drop(Scripted::new([Data("")]), 2);
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(
        (report.bytes, report.chunks, report.largest_chunk),
        (0, 1, 0)
    );
    assert_eq!(report.to_first_data, None);
}

#[test]
fn error_first() {
    let report = poll_and_drop(Scripted::new([Error]), 1);
    assert_eq!(report.ending, Ending::Failed);
    assert_eq!((report.bytes, report.chunks), (0, 0));
}

#[test]
fn error_after_the_last_byte() {
    // The length is reached, so the document looked complete until then.
    let body = Scripted::new([Data("all of it"), Error]).with_known_length();
    let report = poll_and_drop(body, 2);
    assert_eq!(report.ending, Ending::Failed);
    assert_eq!(report.bytes, 9);
}

#[test]
fn error_after_trailers() {
    let report = poll_and_drop(Scripted::new([Data("data"), Trailers, Error]), 3);
    assert_eq!(report.ending, Ending::Failed);
}

#[test]
fn trailers() {
    let steps = [Data("data"), Trailers];
    let until_none = poll_and_drop(Scripted::new(steps), 3);
    let dropped_at_once = poll_and_drop(Scripted::new(steps), 2);
    let before_them = poll_and_drop(Scripted::new(steps), 1);
    assert_eq!(until_none.ending, Ending::Trailers);
    assert_eq!(dropped_at_once.ending, Ending::Trailers);
    assert_eq!(before_them.ending, Ending::Cancelled);
    // Trailers are not data.
    assert_eq!((until_none.bytes, until_none.chunks), (4, 1));
}

#[test]
fn a_client_that_stops_when_the_length_is_reached() {
    let steps = [Data("first"), Data("last")];
    let known_length = || Scripted::new(steps).with_known_length();
    let knows_its_end = || Scripted::new(steps).that_knows_its_end();
    assert_eq!(poll_and_drop(known_length(), 2).ending, Ending::Complete);
    assert_eq!(poll_and_drop(knows_its_end(), 2).ending, Ending::Complete);
    // One frame less, or an unknown length: incomplete.
    assert_eq!(poll_and_drop(known_length(), 1).ending, Ending::Cancelled);
    assert_eq!(poll_and_drop(knows_its_end(), 1).ending, Ending::Cancelled);
    assert_eq!(
        poll_and_drop(Scripted::new(steps), 2).ending,
        Ending::Cancelled
    );
}

#[test]
fn a_client_that_waits_in_vain_for_what_follows_the_length() {
    let body = Scripted::new([Data("data"), Pending, Trailers]).with_known_length();
    assert_eq!(poll_and_drop(body, 2).ending, Ending::Cancelled);
}

#[test]
fn dropped_at_every_poll() {
    let steps = [
        Pending,
        Data("one"),
        Data(""),
        Pending,
        Data("three"),
        Trailers,
    ];
    let expected = [
        (Ending::NeverPolled, 0),
        (Ending::Cancelled, 0),
        (Ending::Cancelled, 3),
        (Ending::Cancelled, 3),
        (Ending::Cancelled, 3),
        (Ending::Cancelled, 8),
        (Ending::Trailers, 8),
        (Ending::Trailers, 8),
    ];
    for (polls, expected) in expected.into_iter().enumerate() {
        let report = poll_and_drop(Scripted::new(steps), polls);
        assert_eq!(
            (report.ending, report.bytes),
            expected,
            "after {polls} polls"
        );
    }
}

#[test]
fn polled_after_the_end_or_an_error() {
    for (steps, ending) in [
        (vec![Data("data")], Ending::Complete),
        (vec![Data("data"), Error], Ending::Failed),
    ] {
        let reports = Reports::default();
        let source = Scripted::new(steps);
        let polls = source.polls();
        let mut body = MeasuredBody::new(source, reports.recorder());
        let _ = poll_frame(&mut body);
        let _ = poll_frame(&mut body);
        assert_eq!(reports.only().ending, ending, "not reported at once");
        for _ in 0..3 {
            assert!(matches!(poll_frame(&mut body), Poll::Ready(None)));
        }
        assert_eq!(polls.load(Ordering::Relaxed), 2);
        drop(body);
        assert_eq!(reports.count(), 1);
    }
}

#[test]
fn a_known_end_is_not_moved_by_asking_once_more() {
    let clock = ManualClock::new();
    let reports = Reports::default();
    let source = Scripted::new([Data("data")]).with_known_length();
    let mut body = MeasuredBody::with_clock(source, reports.recorder(), clock.reader());
    assert!(poll_frame(&mut body).is_ready());
    clock.advance(Duration::from_secs(60));
    assert!(matches!(poll_frame(&mut body), Poll::Ready(None)));
    assert_eq!(reports.only().total, Duration::ZERO);
}

#[test]
fn a_known_end_is_not_moved_by_holding_on_to_the_body() {
    let clock = ManualClock::new();
    let reports = Reports::default();
    let source = Scripted::new([Data("data")]).with_known_length();
    let mut body = MeasuredBody::with_clock(source, reports.recorder(), clock.reader());
    assert!(poll_frame(&mut body).is_ready());
    clock.advance(Duration::from_secs(60));
    drop(body);
    assert_eq!(reports.only().ending, Ending::Complete);
    assert_eq!(reports.only().total, Duration::ZERO);
}

#[test]
fn what_follows_a_known_end_is_measured_all_the_same() {
    let clock = ManualClock::new();
    let reports = Reports::default();
    let source = Scripted::new([Data("data"), Pending, Trailers]).with_known_length();
    let mut body = MeasuredBody::with_clock(source, reports.recorder(), clock.reader());
    for milliseconds in [0, 1, 20, 300] {
        clock.advance(Duration::from_millis(milliseconds));
        let _ = poll_frame(&mut body);
    }
    drop(body);
    let report = reports.only();
    assert_eq!(report.ending, Ending::Trailers);
    assert_eq!(report.consumer_wait, Duration::from_millis(1));
    assert_eq!(report.producer_wait, Duration::from_millis(20));
    assert_eq!(report.total, Duration::from_millis(21));
}

#[test]
fn a_body_that_panics_has_failed_and_never_ends_well() {
    let reports = Reports::default();
    let source = Scripted::new([Data("data"), Panic]).that_knows_its_end();
    let mut body = MeasuredBody::new(source, reports.recorder());
    let _ = poll_frame(&mut body);
    let mut poll = || catch_unwind(AssertUnwindSafe(|| poll_frame(&mut body)));
    assert!(poll().is_err());
    // The inner body would return `None` now.
    assert!(poll().is_err());
    assert!(poll().is_err());
    assert_eq!(reports.only().ending, Ending::Failed);
    assert!(!body.is_end_stream());
    drop(body);
    assert_eq!(reports.only().bytes, 4);
}

#[test]
fn a_body_that_panics_and_is_dropped_has_failed() {
    let reports = Reports::default();
    let body = MeasuredBody::new(Scripted::new([Panic]), reports.recorder());
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let mut body = body;
        poll_frame(&mut body)
    }));
    assert!(unwound.is_err());
    let report = reports.only();
    assert_eq!(report.ending, Ending::Failed);
    assert!(report.to_first_poll.is_some());
}

fn panicking_recorder(_: &Measurements) {
    panic!("recorder panics on purpose");
}

#[test]
fn a_recorder_that_panics_does_not_break_the_body() {
    let mut body = MeasuredBody::new(Scripted::new([Data("data")]), panicking_recorder);
    assert!(matches!(poll_frame(&mut body), Poll::Ready(Some(Ok(_)))));
    assert!(matches!(poll_frame(&mut body), Poll::Ready(None)));
    assert!(matches!(poll_frame(&mut body), Poll::Ready(None)));

    let mut body = MeasuredBody::new(Scripted::new([Error]), panicking_recorder);
    assert!(matches!(poll_frame(&mut body), Poll::Ready(Some(Err(_)))));

    drop(MeasuredBody::new(Scripted::new([]), panicking_recorder));
}

#[test]
fn a_recorder_that_panics_while_the_thread_unwinds_does_not_abort() {
    let unwound = catch_unwind(|| {
        let _body = MeasuredBody::new(Scripted::new([]), panicking_recorder);
        panic!("consumer panics on purpose");
    });
    let payload = unwound.unwrap_err();
    assert_eq!(
        *payload.downcast_ref::<&str>().unwrap(),
        "consumer panics on purpose"
    );
}

#[test]
fn a_clock_that_goes_backwards_stands_still() {
    let start = Instant::now() + Duration::from_secs(1_000);
    let reports = Reports::default();
    let source = Scripted::new([Data("data"), Pending]);
    let readings = AtomicU64::new(0);
    let clock = || start - Duration::from_secs(readings.fetch_add(1, Ordering::Relaxed));
    let mut body = MeasuredBody::with_clock(source, reports.recorder(), clock);
    for _ in 0..3 {
        let _ = poll_frame(&mut body);
    }
    let report = reports.only();
    assert_eq!(report.total, Duration::ZERO);
    assert_eq!(report.bytes, 4);
}

#[test]
fn buffers_that_are_not_contiguous_count_whole() {
    let reports = Reports::default();
    let chunk = b"two "[..].chain(&b"pieces"[..]);
    let frames = futures_util::stream::iter([Ok::<_, Infallible>(Frame::data(chunk))]);
    let mut body = MeasuredBody::new(StreamBody::new(frames), reports.recorder());
    let Poll::Ready(Some(Ok(frame))) = poll_frame(&mut body) else {
        panic!("no frame");
    };
    assert_eq!(frame.into_data().unwrap().remaining(), 10);
    drop(body);
    assert_eq!(reports.only().bytes, 10);
}

#[test]
fn into_inner_reports_what_happened_so_far() {
    let reports = Reports::default();
    let source = Scripted::new([Data("data"), Data("more")]);
    let mut body = MeasuredBody::new(source, reports.recorder());
    let _ = poll_frame(&mut body);
    let mut inner = body.into_inner();
    assert_eq!(reports.only().ending, Ending::Cancelled);
    assert_eq!(reports.only().bytes, 4);
    assert!(matches!(poll_frame(&mut inner), Poll::Ready(Some(Ok(_)))));
}

#[test]
fn a_stream_reports_as_a_body_does() {
    for (steps, known_length, polls, ending, bytes) in [
        (vec![], false, 0, Ending::NeverPolled, 0),
        (vec![], false, 1, Ending::Complete, 0),
        (vec![Data("data")], false, 1, Ending::Cancelled, 4),
        (vec![Data("data")], true, 1, Ending::Complete, 4),
        (
            vec![Data("data"), Data("more")],
            true,
            1,
            Ending::Cancelled,
            4,
        ),
        (vec![Data("data")], false, 2, Ending::Complete, 4),
        (vec![Data("data"), Pending], false, 2, Ending::Cancelled, 4),
        (vec![Data("data"), Error], true, 2, Ending::Failed, 4),
    ] {
        let mut source = Scripted::new(steps.clone());
        if known_length {
            source = source.with_known_length();
        }
        let reports = Reports::default();
        let mut stream = MeasuredStream::new(source, reports.recorder());
        for _ in 0..polls {
            let _ = poll_next(&mut stream);
        }
        drop(stream);
        let report = reports.only();
        assert_eq!((report.ending, report.bytes), (ending, bytes), "{steps:?}");
    }
}

#[test]
fn a_stream_stays_ended() {
    let reports = Reports::default();
    let mut stream = MeasuredStream::new(Scripted::new([Error]), reports.recorder());
    assert!(!futures_core::FusedStream::is_terminated(&stream));
    assert!(matches!(poll_next(&mut stream), Poll::Ready(Some(Err(_)))));
    assert!(matches!(poll_next(&mut stream), Poll::Ready(None)));
    assert!(futures_core::FusedStream::is_terminated(&stream));
    assert_eq!(futures_core::Stream::size_hint(&stream), (0, Some(0)));
}

#[test]
fn a_stream_that_panics_has_failed() {
    let reports = Reports::default();
    let mut stream = MeasuredStream::new(Scripted::new([Panic]), reports.recorder());
    for _ in 0..2 {
        assert!(catch_unwind(AssertUnwindSafe(|| poll_next(&mut stream))).is_err());
    }
    assert_eq!(reports.only().ending, Ending::Failed);
}

#[test]
fn debug_shows_how_far_it_is() {
    let mut body = MeasuredBody::new(
        http_body_util::Full::new(Bytes::from_static(b"data")),
        panicking_recorder,
    );
    let _ = poll_frame(&mut body);
    let shown = format!("{body:?}");
    assert!(shown.contains("bytes: 4"), "{shown}");
}

/// Takes some time for each poll, and then follows the script.
struct Script {
    clock: ManualClock,
    steps: VecDeque<(u64, Poll<&'static str>)>,
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let Some((milliseconds, step)) = self.steps.pop_front() else {
            return Poll::Ready(None);
        };
        self.clock.advance(Duration::from_millis(milliseconds));
        step.map(|chunk| Some(Ok(Frame::data(Bytes::from_static(chunk.as_bytes())))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A body of one chunk that learns only later that nothing follows.
#[derive(Default)]
struct LateEnd {
    is_known: bool,
    chunks: usize,
}

impl Body for LateEnd {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.chunks += 1;
        match self.chunks {
            1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"all"))))),
            _ => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_known
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[test]
fn an_end_that_the_consumer_saw_after_the_last_chunk_is_one() {
    // Whether the consumer asks, whether the end is known by then, and whether it polls once more.
    for (asks, is_known, polls_again, expected) in [
        (true, true, false, Ending::Complete),
        (true, false, false, Ending::Cancelled),
        (false, true, false, Ending::Cancelled),
        (true, true, true, Ending::Cancelled),
    ] {
        let reports = Reports::default();
        let mut body = MeasuredBody::new(LateEnd::default(), reports.recorder());
        let _ = poll_frame(&mut body);
        body.get_mut().is_known = is_known;
        if asks {
            assert_eq!(body.is_end_stream(), is_known);
        }
        if polls_again {
            let _ = poll_frame(&mut body);
        }
        drop(body);
        assert_eq!(reports.only().ending, expected);
    }
}

#[test]
fn every_moment_is_attributed_to_one_of_three() {
    let clock = ManualClock::new();
    let reports = Reports::default();
    let script = Script {
        clock: clock.clone(),
        steps: VecDeque::from([
            (1, Poll::Pending),
            (2, Poll::Ready("")),
            (4, Poll::Ready("four")),
            (8, Poll::Ready("eleven more")),
        ]),
    };
    let mut body = MeasuredBody::with_clock(script, reports.recorder(), clock.reader());
    for wait in [100, 10_000, 1_000, 2_000, 4_000] {
        clock.advance(Duration::from_millis(wait));
        let _ = poll_frame(&mut body);
    }
    clock.advance(Duration::from_millis(50_000));
    drop(body);

    let ms = Duration::from_millis;
    let mut expected = Measurements::new(Ending::Complete);
    expected.bytes = 15;
    expected.chunks = 3;
    expected.largest_chunk = 11;
    expected.to_first_poll = Some(ms(100));
    expected.to_first_data = Some(ms(1 + 10_000 + 2 + 1_000 + 4));
    expected.transmission = Some(ms(17_015));
    expected.busy = ms(15);
    expected.producer_wait = ms(10_000);
    expected.consumer_wait = ms(7_000);
    expected.total = ms(17_115);
    assert_eq!(reports.only(), expected);
}
