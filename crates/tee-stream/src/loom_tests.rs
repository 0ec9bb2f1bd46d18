//! The shared state under loom, which runs every interleaving of a few threads (up to a bound of preemptions):
//! `RUSTFLAGS="--cfg loom" cargo test -p tee-stream --lib --release loom`.
//!
//! A lost wake-up or a deadlock shows as a model whose threads cannot go on, which loom reports; two threads that poll the source at once trip the
//! source's own check.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_core::Stream;
use loom::{
    future::block_on,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{Branch, LagPolicy, Tee};

/// A source that is fed by another thread.
struct Fed {
    inner: Mutex<(Vec<Bytes>, bool, Option<Waker>)>,
    busy: AtomicBool,
}

impl Fed {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new((Vec::new(), false, None)),
            busy: AtomicBool::new(false),
        })
    }

    /// Feeds a chunk, or the end.
    fn feed(&self, chunk: Option<&'static [u8]>) {
        let waker = {
            let mut inner = self.inner.lock().unwrap();
            match chunk {
                Some(chunk) => inner.0.push(Bytes::from_static(chunk)),
                None => inner.1 = true,
            }
            inner.2.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Source(Arc<Fed>);

impl Stream for Source {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(
            !self.0.busy.swap(true, Ordering::SeqCst),
            "two threads poll the source"
        );
        let mut inner = self.0.inner.lock().unwrap();
        let polled = if !inner.0.is_empty() {
            Poll::Ready(Some(Ok(inner.0.remove(0))))
        } else if inner.1 {
            Poll::Ready(None)
        } else {
            inner.2 = Some(context.waker().clone());
            Poll::Pending
        };
        drop(inner);
        self.0.busy.store(false, Ordering::SeqCst);
        polled
    }
}

/// Reads a branch to its end.
fn read(mut branch: Branch<Infallible>) -> Vec<u8> {
    block_on(async move {
        let mut bytes = Vec::new();
        while let Some(chunk) =
            std::future::poll_fn(|context| Pin::new(&mut branch).poll_next(context)).await
        {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        bytes
    })
}

fn poll_once(branch: &mut Branch<Infallible>) {
    let _ = Pin::new(branch).poll_next(&mut Context::from_waker(Waker::noop()));
}

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(run);
}

#[test]
fn two_branches_read_a_source_that_a_third_thread_feeds() {
    model(|| {
        let fed = Fed::new();
        let tee = Tee::new(Source(Arc::clone(&fed)));
        let (first, second) = (tee.branch(), tee.branch());
        let reader = thread::spawn(move || read(first));
        let feeder = thread::spawn(move || {
            fed.feed(Some(b"x"));
            fed.feed(None);
        });
        assert_eq!(read(second), b"x");
        assert_eq!(reader.join().unwrap(), b"x");
        feeder.join().unwrap();
    });
}

#[test]
fn a_branch_that_polled_and_is_dropped_or_forgotten_leaves_nobody_waiting() {
    for forget in [false, true] {
        model(move || {
            let fed = Fed::new();
            let tee = Tee::new(Source(Arc::clone(&fed)));
            let (mut driver, other) = (tee.branch(), tee.branch());
            let dropper = thread::spawn(move || {
                poll_once(&mut driver);
                // Never polled again, and kept or dropped while the others go on.
                forget.then_some(driver)
            });
            let feeder = thread::spawn(move || {
                fed.feed(Some(b"x"));
                fed.feed(None);
            });
            assert_eq!(read(other), b"x");
            feeder.join().unwrap();
            drop(dropper.join().unwrap());
        });
    }
}

#[test]
fn a_leader_that_waits_for_space_is_woken_when_the_last_moves_on_or_goes() {
    for drops in [false, true] {
        model(move || {
            let fed = Fed::new();
            fed.feed(Some(b"a"));
            fed.feed(Some(b"b"));
            fed.feed(None);
            let tee = Tee::builder()
                .window(1)
                .lag_policy(LagPolicy::Wait)
                .build(Source(fed));
            let (first, mut last) = (tee.branch(), tee.branch());
            let slow = thread::spawn(move || {
                if drops {
                    poll_once(&mut last);
                    Vec::new()
                } else {
                    read(last)
                }
            });
            assert_eq!(read(first), b"ab");
            assert_eq!(slow.join().unwrap(), if drops { &b""[..] } else { b"ab" });
        });
    }
}

#[test]
fn cutting_loose_races_with_reading_and_with_replays() {
    model(|| {
        let document = |offset: u64| {
            let fed = Fed::new();
            for chunk in [&b"a"[..], b"b"].into_iter().skip(offset as usize) {
                fed.feed(Some(chunk));
            }
            fed.feed(None);
            Source(fed)
        };
        let tee = Tee::builder()
            .window(1)
            .lag_policy(LagPolicy::Replay)
            .build_replayable(document);
        let (first, second) = (tee.branch(), tee.branch());
        let reader = thread::spawn(move || read(first));
        assert_eq!(read(second), b"ab");
        assert_eq!(reader.join().unwrap(), b"ab");
    });
}
