//! What measuring a body costs for each chunk: the difference to the bare body.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use comparison_records::MicroReport;
use http_body::Body;
use measured_body::{MeasuredBody, Measurements};

use crate::Result;
use crate::effort::Effort;
use crate::rounds::{by_turns, cpu_nanoseconds};
use crate::source::Source;

const CHUNKS: u64 = 65_536;
const CHUNK: &[u8] = &[b'x'; 64 * 1024];

pub(crate) fn measure(effort: Effort, report: &mut MicroReport) -> Result<()> {
    eprintln!("measured body");
    let [bare, measured] = by_turns(
        effort.pick(21, 61),
        [&mut || cost(source()), &mut || {
            cost(MeasuredBody::new(source(), recorder))
        }],
    )?;
    let more = measured.minus(&bare);
    report
        .measures
        .push(more.measure("measured_body_ns_per_chunk", "ns"));
    Ok(())
}

fn source() -> Source {
    Source {
        chunk: Bytes::from_static(CHUNK),
        left: CHUNKS,
    }
}

fn recorder(measurements: &Measurements) {
    black_box(measurements);
}

/// Nanoseconds for each chunk, if none is missing.
fn cost(body: impl Body<Data = Bytes>) -> Result<f64> {
    let (chunks, took) = cpu_nanoseconds(|| {
        let mut body = pin!(body);
        let mut context = Context::from_waker(Waker::noop());
        let mut chunks = 0;
        while let Poll::Ready(Some(Ok(frame))) = black_box(body.as_mut()).poll_frame(&mut context) {
            chunks += u64::from(black_box(frame).is_data());
        }
        Ok(chunks)
    })?;
    if chunks == CHUNKS {
        Ok(took / CHUNKS as f64)
    } else {
        Err(format!("{chunks} chunks of {CHUNKS} came").into())
    }
}
