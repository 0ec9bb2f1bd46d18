//! Scripted bodies, and a collector of reports.

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use hyper::HeaderMap;
use measured_body::Measurements;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A clock that moves only when a test moves it. Clones share one time.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<Mutex<Instant>>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Returns the function for `with_clock`.
    pub(crate) fn reader(&self) -> impl Fn() -> Instant + Send + Sync + use<> {
        let clock = self.clone();
        move || *clock.0.lock().unwrap()
    }
}

/// Collects reports. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports(Arc<Mutex<Vec<Measurements>>>);

impl Reports {
    pub(crate) fn recorder(&self) -> impl FnOnce(&Measurements) + Send + Sync + use<> {
        let reports = self.clone();
        move |measurements| reports.0.lock().unwrap().push(measurements.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Returns the only report, and panics if there is none or more than one.
    #[track_caller]
    pub(crate) fn only(&self) -> Measurements {
        let reports = self.0.lock().unwrap();
        assert_eq!(reports.len(), 1, "not exactly one report: {reports:?}");
        reports[0].clone()
    }
}

/// The result of a scripted poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Data(&'static str),
    Pending,
    Error,
    Trailers,
    Panic,
}

/// A body, or a stream, that follows a script and then ends. Polled after that, it panics.
#[derive(Debug)]
pub(crate) struct Scripted {
    steps: VecDeque<Step>,
    ended: bool,
    known_length: bool,
    knows_its_end: bool,
    polls: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ended: false,
            known_length: false,
            knows_its_end: false,
            polls: Arc::default(),
        }
    }

    /// Whether `size_hint` is exact.
    pub(crate) fn with_known_length(mut self) -> Self {
        self.known_length = true;
        self
    }

    /// Whether `is_end_stream` is right.
    pub(crate) fn that_knows_its_end(mut self) -> Self {
        self.knows_its_end = true;
        self
    }

    pub(crate) fn polls(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.polls)
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        assert!(!self.ended, "polled after the end");
        match self.steps.pop_front() {
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Panic) => panic!("source panics on purpose"),
            Some(step) => {
                self.ended = step == Step::Error;
                Poll::Ready(Some(step))
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.step(cx).map(|step| match step? {
            Step::Data(data) => Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))),
            Step::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-checksum", "42".parse().unwrap());
                Some(Ok(Frame::trailers(trailers)))
            }
            Step::Error => Some(Err("source fails on purpose")),
            Step::Pending | Step::Panic => unreachable!(),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.known_length {
            return SizeHint::default();
        }
        SizeHint::with_exact(bytes_in(&self.steps))
    }
}

impl Stream for Scripted {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.step(cx).map(|step| match step? {
            Step::Data(data) => Some(Ok(Bytes::from_static(data.as_bytes()))),
            Step::Error => Some(Err("source fails on purpose")),
            other => unreachable!("{other:?} in a stream"),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.known_length {
            let items = self.steps.iter().filter(|step| **step != Step::Pending);
            let items = items.count();
            (items, Some(items))
        } else {
            (0, None)
        }
    }
}

pub(crate) fn bytes_in<'a>(steps: impl IntoIterator<Item = &'a Step>) -> u64 {
    steps
        .into_iter()
        .map(|step| match step {
            Step::Data(data) => data.len() as u64,
            _ => 0,
        })
        .sum()
}

/// The result of a poll of a body.
pub(crate) type PolledFrame<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_frame<B: Body + Unpin>(body: &mut B) -> PolledFrame<B> {
    Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_next<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}
