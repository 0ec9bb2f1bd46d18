//! What one chunk costs one branch, against channels that broadcast.
//!
//! Chunks of 64 KiB are reference counts of one allocation. Every branch takes one before any takes the next, all polled by
//! one loop with a waker that does nothing, so that no runtime has a part in it. The capacity of the channels holds what
//! the tee's window holds; they lose chunks where the tee waits. What is a stream is polled as one; tokio's receiver is none,
//! and is read by `try_recv`.

use std::convert::Infallible;
use std::iter::repeat_n;

use anyhow::{Result, ensure};
use bench_records::Measure;
use bench_records::rounds::{Series, by_turns, cpu_nanoseconds};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tee_stream::Tee;

use crate::Effort;
use crate::next;

const BRANCHES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks times branches of one turn, so that each takes milliseconds however many branches there are.
const DELIVERIES: usize = 64 * 1024;

/// Chunks that the channels hold: 1 MiB, as the window does.
const CAPACITY: usize = 16;

pub(crate) fn measure(effort: Effort, measures: &mut Vec<Measure>) -> Result<()> {
    let (mut costs, mut over_tokio, mut over_async) = (Vec::new(), Vec::new(), Vec::new());
    for branches in BRANCHES {
        eprintln!("tee: {branches} branches");
        let ways: [fn(usize) -> Result<f64>; 3] = [tee, tokio_broadcast, async_broadcast];
        let turns = ways.map(|way| move || way(branches));
        let [tee, tokio, asynchronous] = by_turns(effort.pick(21, 61), turns)?;
        over_tokio.push(tee.over(&tokio));
        over_async.push(tee.over(&asynchronous));
        costs.push(tee);
    }
    measures.extend([
        Series::worst(costs)?.measure("tee_ns_per_chunk_and_branch"),
        Series::worst(over_tokio)?.measure("tee_over_tokio_broadcast"),
        Series::worst(over_async)?.measure("tee_over_async_broadcast"),
    ]);
    Ok(())
}

fn tee(branches: usize) -> Result<f64> {
    let tee = Tee::builder().build(chunks(branches));
    let mut readers: Vec<_> = (0..branches).map(|_| tee.branch()).collect();
    cost(|| {
        let mut delivered = 0;
        for _ in 0..DELIVERIES / branches {
            for reader in &mut readers {
                delivered += usize::from(matches!(next(reader), Some(Ok(_))));
            }
        }
        delivered
    })
}

fn tokio_broadcast(branches: usize) -> Result<f64> {
    let (sender, _) = tokio::sync::broadcast::channel::<Bytes>(CAPACITY);
    let readers = (0..branches).map(|_| sender.subscribe()).collect();
    broadcast(
        readers,
        |chunk| sender.send(chunk).is_ok(),
        |reader| reader.try_recv().is_ok(),
    )
}

fn async_broadcast(branches: usize) -> Result<f64> {
    let (sender, first) = async_broadcast::broadcast::<Bytes>(CAPACITY);
    let mut readers: Vec<_> = (1..branches).map(|_| first.clone()).collect();
    readers.push(first);
    broadcast(
        readers,
        |chunk| sender.try_broadcast(chunk).is_ok(),
        |reader| next(reader).is_some(),
    )
}

/// Sends each chunk, which every reader then takes.
fn broadcast<R>(
    mut readers: Vec<R>,
    send: impl Fn(Bytes) -> bool,
    take: impl Fn(&mut R) -> bool,
) -> Result<f64> {
    let mut source = chunks(readers.len());
    cost(|| {
        let mut delivered = 0;
        while let Some(Ok(chunk)) = next(&mut source) {
            if !send(chunk) {
                break;
            }
            for reader in &mut readers {
                delivered += usize::from(take(reader));
            }
        }
        delivered
    })
}

fn chunks(
    branches: usize,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + 'static {
    let chunk = Bytes::from(vec![b'7'; CHUNK_BYTES]);
    stream::iter(repeat_n(chunk, DELIVERIES / branches).map(Ok))
}

/// Nanoseconds for each delivery, if none is missing.
fn cost(deliver: impl FnOnce() -> usize) -> Result<f64> {
    let (delivered, took) = cpu_nanoseconds(|| Ok(deliver()))?;
    ensure!(
        delivered == DELIVERIES,
        "{delivered} chunks of {DELIVERIES} were delivered"
    );
    Ok(took / DELIVERIES as f64)
}
