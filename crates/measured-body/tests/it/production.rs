//! The producing side: the sums are right over polls and productions.

use crate::support::Step::{Data, Error, Panic, Pending};
use crate::support::{ManualClock, Scripted, poll_next};
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use measured_body::ProductionMeter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

const WORK: Duration = Duration::from_millis(3);
const WAIT: Duration = Duration::from_millis(500);
const NOBODY_ASKS: Duration = Duration::from_secs(70);

/// Works for a while in each poll.
struct Working {
    clock: ManualClock,
    source: Scripted,
}

impl Stream for Working {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.clock.advance(WORK);
        Pin::new(&mut self.source).poll_next(cx)
    }
}

#[test]
fn work_is_told_apart_from_waiting_and_from_idling() {
    let clock = ManualClock::new();
    let meter = ProductionMeter::with_clock(clock.reader());
    let produce = |source| {
        meter.measure(Working {
            clock: clock.clone(),
            source,
        })
    };
    let mut first = produce(Scripted::new([Pending, Data("first"), Data("second")]));
    let mut second = produce(Scripted::new([Data("first"), Error]));
    clock.advance(NOBODY_ASKS);
    assert_eq!(meter.productions(), 0, "not polled yet");

    assert!(poll_next(&mut first).is_pending());
    clock.advance(WAIT);
    assert!(poll_next(&mut first).is_ready());
    clock.advance(NOBODY_ASKS);
    assert!(poll_next(&mut first).is_ready());
    assert_eq!((meter.busy(), meter.waiting()), (3 * WORK, WAIT));
    assert_eq!((meter.bytes(), meter.productions()), (11, 1));

    assert!(poll_next(&mut second).is_ready());
    assert!(poll_next(&mut second).is_ready());
    clock.advance(NOBODY_ASKS);
    drop(second);
    assert!(matches!(poll_next(&mut first), Poll::Ready(None)));
    assert!(matches!(poll_next(&mut first), Poll::Ready(None)));
    assert_eq!(meter.busy(), 6 * WORK);
    assert_eq!(meter.waiting(), WAIT);
    assert_eq!((meter.bytes(), meter.productions()), (16, 2));
}

#[test]
fn dropped_while_it_waits_or_idles() {
    let clock = ManualClock::new();
    let meter = ProductionMeter::with_clock(clock.reader());
    for source in [Scripted::new([Pending]), Scripted::new([Data("data")])] {
        let mut production = meter.measure(source);
        let _ = poll_next(&mut production);
        clock.advance(WAIT);
        drop(production);
    }
    assert_eq!(meter.waiting(), WAIT, "the second was not waiting");
    assert_eq!(meter.busy(), Duration::ZERO);
}

#[test]
fn a_source_that_panics_never_ends_well() {
    let clock = ManualClock::new();
    let meter = ProductionMeter::with_clock(clock.reader());
    let mut production = meter.measure(Working {
        clock,
        source: Scripted::new([Panic]),
    });
    for _ in 0..2 {
        assert!(catch_unwind(AssertUnwindSafe(|| poll_next(&mut production))).is_err());
    }
    drop(production);
    assert_eq!(meter.busy(), WORK, "the work until the panic was work");
}

#[test]
fn into_inner_goes_on_where_it_was() {
    let meter = ProductionMeter::new();
    let mut production = meter.measure(Scripted::new([Data("one"), Data("two")]));
    let _ = poll_next(&mut production);
    let mut inner = production.into_inner();
    assert!(matches!(poll_next(&mut inner), Poll::Ready(Some(Ok(chunk))) if chunk == "two"));
    assert_eq!(meter.bytes(), 3);
}

#[test]
fn a_production_is_terminated_once_it_has_ended() {
    let meter = ProductionMeter::new();
    let mut production = meter.measure(Scripted::new([Data("one")]));
    assert!(!production.is_terminated());
    while let Poll::Ready(Some(_)) = poll_next(&mut production) {
        assert!(!production.is_terminated());
    }
    assert!(production.is_terminated());
}
