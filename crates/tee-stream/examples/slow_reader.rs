//! One slow reader among three, and what the window does about it: `cargo run -p tee-stream --example slow_reader`.
//!
//! The clock is one that is moved by hand, so that the output is the same each time.

use std::{
    convert::Infallible,
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tee_stream::{AfterPatience, Branch, BranchOptions, LagPolicy, Tee};

#[path = "../tests/support/manual_timer.rs"]
mod manual_timer;

use manual_timer::ManualTimer;

const CHUNK: usize = 1024;
const CHUNKS: usize = 16;

/// The document, from an offset on. Here every chunk is full of its own number.
fn document(offset: u64) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let first = offset as usize / CHUNK;
    stream::iter((first..CHUNKS).map(|number| Ok(Bytes::from(vec![number as u8; CHUNK]))))
}

/// Whether a chunk was there.
fn poll(branch: &mut Branch<Infallible>) -> bool {
    let polled = Pin::new(branch).poll_next(&mut Context::from_waker(Waker::noop()));
    matches!(polled, Poll::Ready(Some(Ok(_))))
}

fn main() -> io::Result<()> {
    let timer = ManualTimer::new();
    let tee = Tee::builder()
        .window(4 * CHUNK)
        .timer(timer.clone())
        .lag_policy(LagPolicy::Patience {
            limit: Duration::from_millis(30),
            then: AfterPatience::Replay,
        })
        .build_replayable(document);
    let mut readers: Vec<_> = ["fast", "steady", "slow"]
        .map(|name| tee.branch_with(BranchOptions::new().name(name)))
        .into();

    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>5}  {:20} {:20} {:20} window  productions",
        "ms", "fast", "steady", "slow"
    )?;
    for turn in 0..32 {
        // One tries every 5 ms, one every 10 ms, and one every 60 ms.
        for (reader, every) in readers.iter_mut().zip([1, 2, 12]) {
            if turn % every == 0 {
                poll(reader);
            }
        }
        if turn % 2 == 0 {
            let statistics = tee.statistics();
            write!(out, "{:>5}  ", turn * 5)?;
            for reader in &readers {
                let read = reader.position() as usize / CHUNK;
                write!(out, "{:20} ", "#".repeat(read))?;
            }
            let productions = statistics.bytes_produced as f64 / (CHUNK * CHUNKS) as f64;
            writeln!(out, "{:>6}  {productions:.2}", statistics.cached_bytes)?;
        }
        timer.advance(Duration::from_millis(5));
    }
    Ok(())
}
