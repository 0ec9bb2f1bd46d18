//! The cost of measuring one chunk: `cargo bench -p measured-body`.
//!
//! Every body returns 65,536 chunks of 64 KiB without waiting. So the difference between two rows, divided
//! by 65,536, is the cost of measuring one chunk. The rows are: bare, measured with the system clock, and
//! measured with a clock that stands still, which excludes the cost of reading the time.

use bytes::Bytes;
use divan::counter::ItemsCount;
use http_body::{Body, Frame, SizeHint};
use measured_body::{MeasuredBody, MeasuredStream, Measurements, ProductionMeter};
use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

const CHUNKS: u64 = 65_536;
const CHUNK: &[u8] = &[b'x'; 65_536];

fn main() {
    divan::main();
}

/// Returns the same chunk repeatedly.
struct Source {
    left: u64,
}

impl Body for Source {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(CHUNK)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left * CHUNK.len() as u64)
    }
}

impl futures_core::Stream for Source {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_frame(cx).map(|frame| {
            frame.and_then(|frame| frame.map(|frame| frame.into_data().ok()).transpose())
        })
    }
}

fn drain_body(body: impl Body<Data = Bytes>) {
    let mut body = std::pin::pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(frame)) = black_box(body.as_mut()).poll_frame(&mut cx) {
        black_box(frame.is_ok());
    }
}

fn drain_stream(stream: impl futures_core::Stream) {
    let mut stream = std::pin::pin!(stream);
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(chunk)) = black_box(stream.as_mut()).poll_next(&mut cx) {
        black_box(chunk);
    }
}

fn recorder(measurements: &Measurements) {
    black_box(measurements);
}

#[divan::bench]
fn body_bare(bencher: divan::Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .bench(|| drain_body(Source { left: CHUNKS }));
}

#[divan::bench]
fn body_measured(bencher: divan::Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .bench(|| drain_body(MeasuredBody::new(Source { left: CHUNKS }, recorder)));
}

#[divan::bench]
fn body_measured_by_a_stopped_clock(bencher: divan::Bencher<'_, '_>) {
    let now = Instant::now();
    bencher.counter(ItemsCount::new(CHUNKS)).bench(|| {
        drain_body(MeasuredBody::with_clock(
            Source { left: CHUNKS },
            recorder,
            || now,
        ));
    });
}

#[divan::bench]
fn two_readings_of_the_system_clock(bencher: divan::Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(CHUNKS)).bench(|| {
        for _ in 0..CHUNKS * 2 {
            black_box(Instant::now());
        }
    });
}

#[divan::bench]
fn stream_bare(bencher: divan::Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .bench(|| drain_stream(Source { left: CHUNKS }));
}

#[divan::bench]
fn stream_measured(bencher: divan::Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .bench(|| drain_stream(MeasuredStream::new(Source { left: CHUNKS }, recorder)));
}

#[divan::bench]
fn production_metered(bencher: divan::Bencher<'_, '_>) {
    let meter = ProductionMeter::new();
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .bench(|| drain_stream(meter.measure(Source { left: CHUNKS })));
}
