//! What measuring a body costs for each chunk: the difference to the bare body.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use anyhow::{Result, ensure};
use bench_records::MicroReport;
use bench_records::rounds::{by_turns, cpu_nanoseconds};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use measured_body::{MeasuredBody, Measurements};

use crate::Effort;

const CHUNKS: u64 = 65_536;
const CHUNK: &[u8] = &[b'x'; 64 * 1024];

pub(crate) fn measure(effort: Effort, report: &mut MicroReport) -> Result<()> {
    eprintln!("measured body");
    let turns = [false, true].map(|is_measured| {
        move || {
            let source = Source {
                chunk: Bytes::from_static(CHUNK),
                left: CHUNKS,
            };
            if is_measured {
                cost(MeasuredBody::new(source, recorder))
            } else {
                cost(source)
            }
        }
    });
    let [bare, measured] = by_turns(effort.pick(21, 61), turns)?;
    let more = measured.minus(&bare);
    report
        .measures
        .push(more.measure("measured_body_ns_per_chunk"));
    Ok(())
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
    ensure!(chunks == CHUNKS, "{chunks} chunks of {CHUNKS} came");
    Ok(took / CHUNKS as f64)
}

/// A body that hands over the same chunk again and again.
#[derive(Debug)]
struct Source {
    chunk: Bytes,
    left: u64,
}

impl Body for Source {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left * self.chunk.len() as u64)
    }
}
