use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    TeeError, Timer,
    signal::Signal,
    state::{Effects, Outcome, State},
    sync::{Mutex, MutexGuard, lock},
    timer::Alarm,
};

/// The stream of a production: boxed, so that a tee's type does not name its source.
pub(crate) type ChunkStream<E> = Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>>;

pub(crate) type ReplayFn<E> = Box<dyn Fn(u64) -> ChunkStream<E> + Send + Sync>;

/// How many empty chunks one poll skips before it lets others run.
const EMPTY_CHUNKS: usize = 32;

/// What the handles and the branches of a tee share: the state, and the foreign code that is called with no lock held.
pub(crate) struct Shared<E> {
    state: Mutex<State<Box<Producer<E>>, E>>,
    timer: Option<Arc<dyn Timer>>,
    replay: Option<ReplayFn<E>>,
    pub(crate) chunk_size: usize,
}

pub(crate) type SharedEffects<E> = Effects<Box<Producer<E>>, E>;

impl<E> Shared<E> {
    pub(crate) fn new(
        state: State<Box<Producer<E>>, E>,
        timer: Option<Arc<dyn Timer>>,
        replay: Option<ReplayFn<E>>,
        chunk_size: usize,
    ) -> Self {
        Self {
            state: Mutex::new(state),
            timer,
            replay,
            chunk_size,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<Box<Producer<E>>, E>> {
        lock(&self.state)
    }

    /// Changes the state, and runs the effects once the lock is released.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut State<Box<Producer<E>>, E>, &mut SharedEffects<E>) -> T,
    ) -> T {
        let mut effects = Effects::new();
        let result = change(&mut self.lock(), &mut effects);
        self.guard(|| effects.run());
        result
    }

    pub(crate) fn now(&self) -> Option<Instant> {
        self.timer.as_ref().map(|timer| timer.now())
    }

    /// Replays the document from `offset`.
    pub(crate) fn open(&self, offset: u64, signal: Arc<Signal>) -> Option<Box<Producer<E>>> {
        let replay = self.replay.as_ref()?;
        Some(Producer::new(replay(offset), signal))
    }

    /// Sets the alarm of a branch that waits. True if the time has come already.
    pub(crate) fn set(
        &self,
        alarm: &mut Alarm,
        deadline: Instant,
        context: &mut Context<'_>,
    ) -> bool {
        self.timer
            .as_ref()
            .is_some_and(|timer| alarm.set(&**timer, deadline, context))
    }

    /// Runs foreign code. If it panics, every branch ends with an error from then on.
    pub(crate) fn guard<T>(&self, run: impl FnOnce() -> T) -> T {
        let poison = PoisonOnPanic(self);
        let result = run();
        std::mem::forget(poison);
        result
    }
}

struct PoisonOnPanic<'a, E>(&'a Shared<E>);

impl<E> Drop for PoisonOnPanic<'_, E> {
    fn drop(&mut self) {
        let mut effects = Effects::new();
        self.0.lock().poison(&mut effects);
        effects.run();
    }
}

/// The source of one production.
pub(crate) struct Producer<E> {
    stream: ChunkStream<E>,
    signal: Arc<Signal>,
    /// The signal as a waker: wakes everybody who waits at the production, whoever polls.
    waker: Waker,
}

impl<E> Producer<E> {
    /// Boxed, since it goes back and forth for each chunk.
    pub(crate) fn new(stream: ChunkStream<E>, signal: Arc<Signal>) -> Box<Self> {
        Box::new(Self {
            stream,
            waker: Waker::from(Arc::clone(&signal)),
            signal,
        })
    }

    pub(crate) fn poll(&mut self) -> Poll<Outcome<E>> {
        self.signal.begin_poll();
        let mut context = Context::from_waker(&self.waker);
        for _ in 0..EMPTY_CHUNKS {
            return Poll::Ready(match self.stream.as_mut().poll_next(&mut context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => continue,
                Poll::Ready(Some(Ok(chunk))) => Outcome::Chunk(chunk),
                Poll::Ready(Some(Err(error))) => Outcome::Failed(TeeError::Source(Arc::new(error))),
                Poll::Ready(None) => Outcome::End,
            });
        }
        Poll::Ready(Outcome::Nothing)
    }
}

impl<E> fmt::Debug for Producer<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Producer").finish_non_exhaustive()
    }
}
