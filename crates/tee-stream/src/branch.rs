use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

use crate::{
    BranchEnd, BranchEnding, BranchOptions, TeeError,
    branch_options::OnEnd,
    shared::Shared,
    state::{Effects, Reader, Step},
    tail::Tail,
    timer::Alarm,
};

/// One reader of a [`Tee`](crate::Tee): a `Stream` of the whole document, at its own pace.
///
/// It yields the chunks of the document from byte 0, then those of its own tail. If it fails, its last item is a [`TeeError`].
/// With the feature `http-body`, it is also an `http_body::Body`.
///
/// # Cancel safety
///
/// Between two polls, a branch holds no part of the source. You may drop it, or stop polling it, at any time: another branch
/// that waits for the source continues.
///
/// # Cost
///
/// A poll that finds its chunk in the cache takes one uncontended lock and one reference count, whatever the number of
/// branches. Any other poll polls the source once, without holding a lock.
pub struct Branch<E> {
    shared: Arc<Shared<E>>,
    /// The index of this branch in the state, until the shared document has ended for it.
    index: Option<usize>,
    phase: Phase<E>,
    tail: Tail,
    alarm: Alarm,
    id: u64,
    name: Option<Arc<str>>,
    position: u64,
    /// How long it waited for others, and they for it.
    waits: (Duration, Duration),
    on_end: Mutex<Option<OnEnd>>,
}

enum Phase<E> {
    Document,
    /// Only the rest of the tail is left.
    Tail,
    /// The error comes next.
    Failing(TeeError<E>),
    Ended,
}

impl<E> Branch<E> {
    pub(crate) fn new(shared: Arc<Shared<E>>, options: BranchOptions) -> Self {
        let BranchOptions {
            name,
            lag_policy,
            tail,
            on_end,
        } = options;
        let (index, id) = {
            let now = shared.guard(|| shared.now());
            shared.change(|state, effects| state.join(name.clone(), lag_policy, now, effects))
        };
        Self {
            index: Some(index),
            phase: Phase::Document,
            tail: Tail::new(tail, shared.chunk_size),
            alarm: Alarm::new(),
            id,
            name,
            position: 0,
            waits: (Duration::ZERO, Duration::ZERO),
            on_end: Mutex::new(on_end),
            shared,
        }
    }

    /// Returns the number of this branch in its tee, counted from 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns its name, if it has one.
    pub fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    /// Returns how many bytes it has yielded, including those of its tail.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns how many bytes it has yet to yield, if the length of the document is known or was declared.
    ///
    /// Returns `None` as well if an error comes next, or if the length and that of the tail add up to more than a `u64` holds.
    pub fn remaining(&self) -> Option<u64> {
        match self.phase {
            Phase::Ended => Some(0),
            Phase::Failing(_) => None,
            Phase::Document | Phase::Tail => {
                let length = self.shared.lock().length?;
                let whole = length.checked_add(self.tail.length())?;
                Some(whole.saturating_sub(self.position()))
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, TeeError<E>>>> {
        let mut produced = false;
        loop {
            let chunk = match &self.phase {
                Phase::Document => match self.poll_document(context, &mut produced) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(Some(chunk))) => self.tail.follow(chunk),
                    Poll::Ready(Ok(None)) => {
                        self.phase = Phase::Tail;
                        None
                    }
                    Poll::Ready(Err(error)) => {
                        self.phase = Phase::Failing(error);
                        self.tail.take_held()
                    }
                },
                Phase::Tail => match self.tail.finish() {
                    Some(chunk) => Some(chunk),
                    None => {
                        self.end(BranchEnding::Complete);
                        return Poll::Ready(None);
                    }
                },
                Phase::Failing(error) => {
                    let error = error.clone();
                    self.end(BranchEnding::from(&error));
                    return Poll::Ready(Some(Err(error)));
                }
                Phase::Ended => return Poll::Ready(None),
            };
            if let Some(chunk) = chunk {
                self.position += chunk.len() as u64;
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
    }

    /// The next chunk of the shared document, `None` at its end.
    fn poll_document(
        &mut self,
        context: &mut Context<'_>,
        produced: &mut bool,
    ) -> Poll<Result<Option<Bytes>, TeeError<E>>> {
        let Some(index) = self.index else {
            return Poll::Ready(Ok(None));
        };
        let shared = &self.shared;
        let mut state = shared.lock();
        if let Some(chunk) = state.take(index) {
            return Poll::Ready(Ok(Some(chunk)));
        }
        let sleep = self.alarm.take();
        if sleep.is_some() {
            drop(state);
            shared.guard(|| drop(sleep));
            state = shared.lock();
        }
        let mut now = None;
        loop {
            let mut effects = Effects::new();
            let step = state.step(index, now, !*produced, context.waker(), &mut effects);
            let left = match step {
                Step::End | Step::Fail(_) => state.leave(index, now, &mut effects),
                _ => None,
            };
            drop(state);
            shared.guard(|| effects.run());
            let (id, mut source, is_timed) = match step {
                Step::Chunk(chunk) => return Poll::Ready(Ok(Some(chunk))),
                Step::End => {
                    self.left(left);
                    return Poll::Ready(Ok(None));
                }
                Step::Fail(error) => {
                    self.left(left);
                    return Poll::Ready(Err(error));
                }
                Step::Produce {
                    id,
                    source,
                    is_timed,
                } => (id, source, is_timed),
                Step::Open { id, offset, signal } => {
                    match shared.guard(|| shared.open(offset, signal)) {
                        Some(source) => (id, source, true),
                        None => {
                            state = shared.lock();
                            continue;
                        }
                    }
                }
                Step::Wait => return Poll::Pending,
                Step::WaitUntil(deadline) => {
                    let alarm = &mut self.alarm;
                    if shared.guard(|| shared.set(alarm, deadline, context)) {
                        context.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
                Step::Yield => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::ReadClock => {
                    now = shared.guard(|| shared.now());
                    state = shared.lock();
                    continue;
                }
            };
            *produced = true;
            let time = || is_timed.then(|| shared.now()).flatten();
            let (started, polled, ended) = shared.guard(|| (time(), source.poll(), time()));
            let done = shared.change(|state, effects| match polled {
                Poll::Ready(outcome) => {
                    state.deliver(id, source, outcome, (started, ended), effects);
                    Some(Poll::Ready(Ok(Some(state.take(index)?))))
                }
                Poll::Pending => state
                    .suspend(id, source, index, started, context.waker(), effects)
                    .then_some(Poll::Pending),
            });
            if let Some(done) = done {
                return done;
            }
            // The time before the source was polled is not now.
            now = None;
            state = shared.lock();
        }
    }

    /// Called when the state has removed this branch.
    fn left(&mut self, reader: Option<Reader>) {
        self.index = None;
        if let Some(reader) = reader {
            self.waits = (reader.waited, reader.waited_for);
        }
    }

    /// Ends the branch and reports that, once.
    fn end(&mut self, ending: BranchEnding) {
        self.phase = Phase::Ended;
        let report = self
            .on_end
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(report) = report {
            report(BranchEnd {
                id: self.id(),
                name: self.name().cloned(),
                bytes: self.position(),
                ending,
                waited: self.waits.0,
                waited_for: self.waits.1,
            });
        }
    }
}

impl<E> Stream for Branch<E> {
    type Item = Result<Bytes, TeeError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_terminated() {
            (0, Some(0))
        } else {
            (0, None)
        }
    }
}

impl<E> FusedStream for Branch<E> {
    fn is_terminated(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }
}

#[cfg(feature = "http-body")]
#[deny(clippy::missing_trait_methods)]
impl<E> http_body::Body for Branch<E> {
    type Data = Bytes;
    type Error = TeeError<E>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.get_mut()
            .poll(context)
            .map(|item| item.map(|chunk| chunk.map(http_body::Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == Some(0)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.remaining()
            .map_or_else(http_body::SizeHint::new, http_body::SizeHint::with_exact)
    }
}

impl<E> Drop for Branch<E> {
    fn drop(&mut self) {
        // A consumer that knows the length stops polling once it has all the bytes.
        let complete = self.remaining() == Some(0);
        let mut panicked = None;
        if let Some(index) = self.index {
            let shared = Arc::clone(&self.shared);
            // Even if the clock panics, the others must not wait for this branch any longer.
            let now = catch_unwind(AssertUnwindSafe(|| shared.guard(|| shared.now())))
                .unwrap_or_else(|panic| {
                    panicked = Some(panic);
                    None
                });
            let mut effects = Effects::new();
            let reader = shared.lock().leave(index, now, &mut effects);
            self.left(reader);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| shared.guard(|| effects.run()))) {
                panicked.get_or_insert(panic);
            }
        }
        if !matches!(self.phase, Phase::Ended) {
            self.end(match &self.phase {
                Phase::Failing(error) => BranchEnding::from(error),
                _ if complete => BranchEnding::Complete,
                _ if self.shared.lock().poisoned => BranchEnding::Poisoned,
                _ => BranchEnding::Dropped,
            });
        }
        if let Some(panic) = panicked
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl<E> fmt::Debug for Branch<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Branch")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("position", &self.position())
            .field("ended", &self.is_terminated())
            .finish_non_exhaustive()
    }
}
