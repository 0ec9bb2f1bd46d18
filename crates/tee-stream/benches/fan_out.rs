//! What one chunk costs one reader, on one thread, in one run with the alternatives that exist.
//!
//! `cargo bench -p tee-stream --bench fan_out`. Each sample sends [`CHUNKS`] chunks of 64 KiB, which are reference counts
//! of one allocation, to all readers, in rounds: every reader takes one chunk before any takes the next. The items counted
//! are chunks times readers, so the throughput is deliveries per second. No runtime: polls come from one loop with a waker that does
//! nothing, which is the same for all.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use divan::{Bencher, black_box, counter::ItemsCount};
use futures_util::{Stream, StreamExt, stream};

const READERS: [usize; 5] = [1, 2, 8, 64, 1024];
const CHUNKS: usize = 64;
const SIZE: usize = 64 * 1024;

fn main() {
    divan::main();
}

fn chunks() -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + 'static {
    stream::iter(std::iter::repeat_n(Bytes::from(vec![7; SIZE]), CHUNKS).map(Ok))
}

fn deliveries(readers: usize) -> ItemsCount {
    ItemsCount::new(CHUNKS * readers)
}

/// Polls until the item is there.
fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(item) = Pin::new(&mut *stream).poll_next(&mut context) {
            return item;
        }
    }
}

fn drain<S: Stream + Unpin>(mut readers: Vec<S>) {
    for _ in 0..CHUNKS {
        for reader in &mut readers {
            black_box(next(reader).is_some());
        }
    }
}

#[divan::bench(args = READERS)]
fn tee_stream(bencher: Bencher<'_, '_>, readers: usize) {
    bencher
        .counter(deliveries(readers))
        .with_inputs(|| {
            let tee = tee_stream::Tee::new(chunks());
            (0..readers).map(|_| tee.branch()).collect::<Vec<_>>()
        })
        .bench_values(drain);
}

/// With the hashes that a replay is compared with: they cost the production, not the readers.
#[divan::bench(args = READERS)]
fn tee_stream_with_replay(bencher: Bencher<'_, '_>, readers: usize) {
    bencher
        .counter(deliveries(readers))
        .with_inputs(|| {
            let tee = tee_stream::Tee::builder().build_replayable(|_| chunks());
            (0..readers).map(|_| tee.branch()).collect::<Vec<_>>()
        })
        .bench_values(drain);
}

/// Its capacity must hold what the tee's window holds; it loses chunks where the tee waits.
#[divan::bench(args = READERS)]
fn tokio_broadcast(bencher: Bencher<'_, '_>, readers: usize) {
    bencher
        .counter(deliveries(readers))
        .with_inputs(|| {
            let (sender, _) = tokio::sync::broadcast::channel::<Bytes>(16);
            let receivers: Vec<_> = (0..readers).map(|_| sender.subscribe()).collect();
            (sender, receivers, chunks())
        })
        .bench_values(|(sender, mut receivers, mut source)| {
            while let Some(Ok(chunk)) = next(&mut source) {
                black_box(sender.send(chunk).is_ok());
                for receiver in &mut receivers {
                    black_box(receiver.try_recv().is_ok());
                }
            }
        });
}

#[divan::bench(args = READERS)]
fn async_broadcast(bencher: Bencher<'_, '_>, readers: usize) {
    bencher
        .counter(deliveries(readers))
        .with_inputs(|| {
            let (sender, receiver) = async_broadcast::broadcast::<Bytes>(16);
            let receivers: Vec<_> = (1..readers)
                .map(|_| receiver.clone())
                .chain([receiver.clone()])
                .collect();
            drop(receiver);
            (sender, receivers, chunks())
        })
        .bench_values(|(sender, mut receivers, mut source)| {
            while let Some(Ok(chunk)) = next(&mut source) {
                black_box(sender.try_broadcast(chunk).is_ok());
                for receiver in &mut receivers {
                    black_box(next(receiver).is_some());
                }
            }
        });
}

/// One bounded channel for each reader.
#[divan::bench(args = READERS)]
fn channel_each(bencher: Bencher<'_, '_>, readers: usize) {
    bencher
        .counter(deliveries(readers))
        .with_inputs(|| {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..readers)
                .map(|_| tokio::sync::mpsc::channel::<Bytes>(16))
                .unzip();
            (senders, receivers, chunks())
        })
        .bench_values(|(senders, mut receivers, mut source)| {
            while let Some(Ok(chunk)) = next(&mut source) {
                for sender in &senders {
                    black_box(sender.try_send(chunk.clone()).is_ok());
                }
                for receiver in &mut receivers {
                    black_box(receiver.try_recv().is_ok());
                }
            }
        });
}

/// Its buffer is unbounded unless it is told otherwise, and its cost per item grows with the number of clones.
#[divan::bench(args = [1, 2, 8, 64])]
fn clone_stream(bencher: Bencher<'_, '_>, readers: usize) {
    use clone_stream::ForkStream as _;
    bencher
        .counter(deliveries(readers))
        .with_inputs(|| {
            let first = chunks().map(Result::unwrap).fork();
            (1..readers)
                .map(|_| first.clone())
                .chain([first.clone()])
                .collect::<Vec<_>>()
        })
        .bench_values(drain);
}
