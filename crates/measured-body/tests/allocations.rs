//! Measuring allocates nothing in a poll.

use futures_util::StreamExt;
use http_body::Body;
use http_body_util::StreamBody;
use measured_body::{MeasuredBody, Measurements, ProductionMeter};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Waker};

#[test]
fn a_poll_allocates_nothing() {
    let chunks = || {
        futures_util::stream::repeat_with(|| {
            Ok::<_, Infallible>(bytes::Bytes::from_static(b"chunk"))
        })
    };
    let meter = ProductionMeter::new();
    let mut production = meter.measure(chunks());
    let frames = chunks().map(|chunk| chunk.map(http_body::Frame::data));
    let mut body = MeasuredBody::new(StreamBody::new(frames), |_: &Measurements| {});

    let cx = &mut Context::from_waker(Waker::noop());
    let allocations = allocation_counter::measure(|| {
        for _ in 0..100 {
            assert!(Pin::new(&mut body).poll_frame(cx).is_ready());
            assert!(production.poll_next_unpin(cx).is_ready());
        }
    });
    assert_eq!(allocations.count_total, 0, "{allocations:?}");

    // The counter counts.
    let allocations = allocation_counter::measure(|| drop(Box::new([0_u8; 16])));
    assert_eq!(allocations.count_total, 1);
}
