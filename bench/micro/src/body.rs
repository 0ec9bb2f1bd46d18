//! What measuring a body costs for each chunk: the difference to the bare body.

use std::convert::Infallible;
use std::hint::black_box;
use std::iter::repeat_n;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::{Result, ensure};
use bench_records::Measure;
use bench_records::rounds::{by_turns, cpu_nanoseconds};
use bytes::Bytes;
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use measured_body::{MeasuredBody, Measurements};

use crate::Effort;

const CHUNKS: usize = 65_536;
const CHUNK: &[u8] = &[b'x'; 64 * 1024];

pub(crate) fn measure(effort: Effort, measures: &mut Vec<Measure>) -> Result<()> {
    eprintln!("measured body");
    let turns = [false, true].map(|is_measured| {
        move || {
            let frames = repeat_n(Bytes::from_static(CHUNK), CHUNKS);
            let frames = frames.map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
            let source = StreamBody::new(stream::iter(frames));
            if is_measured {
                cost(MeasuredBody::new(source, |measurements: &Measurements| {
                    black_box(measurements);
                }))
            } else {
                cost(source)
            }
        }
    });
    let [bare, measured] = by_turns(effort.pick(21, 61), turns)?;
    measures.push(measured.minus(&bare).measure("measured_body_ns_per_chunk"));
    Ok(())
}

/// Nanoseconds for each chunk, if none is missing.
fn cost(body: impl Body<Data = Bytes>) -> Result<f64> {
    let (chunks, took) = cpu_nanoseconds(|| {
        let mut body = pin!(body);
        let mut context = Context::from_waker(Waker::noop());
        let mut chunks = 0;
        while let Poll::Ready(Some(Ok(frame))) = black_box(body.as_mut()).poll_frame(&mut context) {
            chunks += usize::from(black_box(frame).is_data());
        }
        Ok(chunks)
    })?;
    ensure!(chunks == CHUNKS, "{chunks} chunks of {CHUNKS} came");
    Ok(took / CHUNKS as f64)
}
