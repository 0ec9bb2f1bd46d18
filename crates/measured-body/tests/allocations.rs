//! Measuring allocates nothing in a poll.

mod support;

use http_body_util::StreamBody;
use measured_body::{MeasuredBody, Measurements, ProductionMeter};
use std::convert::Infallible;
use support::{poll_frame, poll_next};

#[test]
fn a_poll_allocates_nothing() {
    let chunks = || {
        futures_util::stream::repeat_with(|| {
            Ok::<_, Infallible>(bytes::Bytes::from_static(b"chunk"))
        })
    };
    let meter = ProductionMeter::new();
    let mut production = meter.measure(chunks());
    let frames = futures_util::StreamExt::map(chunks(), |chunk| chunk.map(http_body::Frame::data));
    let mut body = MeasuredBody::new(StreamBody::new(frames), |_: &Measurements| {});

    let allocations = allocation_counter::measure(|| {
        for _ in 0..100 {
            assert!(poll_frame(&mut body).is_ready());
            assert!(poll_next(&mut production).is_ready());
        }
    });
    assert_eq!(allocations.count_total, 0, "{allocations:?}");

    // The counter counts.
    let allocations = allocation_counter::measure(|| drop(Box::new([0_u8; 16])));
    assert_eq!(allocations.count_total, 1);
}
