use std::{sync::Arc, task::Context, time::Instant};

use crate::{
    Timer,
    producer::{ChunkStream, Producer},
    signal::Signal,
    state::{Effects, State},
    sync::{Mutex, MutexGuard, lock},
    timer::Alarm,
    verification::UnitHasher,
};

pub(crate) type ReplayFn<E> = Box<dyn Fn(u64) -> ChunkStream<E> + Send + Sync>;

/// What the handles and the branches of a tee share: the state, and the foreign code that is called with no lock held.
pub(crate) struct Shared<E> {
    state: Mutex<State<Producer<E>, E>>,
    timer: Option<Arc<dyn Timer>>,
    replay: Option<ReplayFn<E>>,
    pub(crate) chunk_size: usize,
}

pub(crate) type SharedEffects<E> = Effects<Producer<E>, E>;

impl<E> Shared<E> {
    pub(crate) fn new(
        state: State<Producer<E>, E>,
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

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<Producer<E>, E>> {
        lock(&self.state)
    }

    /// Changes the state, and runs the effects once the lock is released.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut State<Producer<E>, E>, &mut SharedEffects<E>) -> T,
    ) -> T {
        let mut effects = Effects::new();
        let result = change(&mut self.lock(), &mut effects);
        self.guard(|| effects.run());
        result
    }

    pub(crate) fn now(&self) -> Option<Instant> {
        self.timer.as_ref().map(|timer| timer.now())
    }

    /// Replays the document from `block_start`, to be compared from there on and used from `offset` on.
    pub(crate) fn open(
        &self,
        block_start: u64,
        offset: u64,
        signal: Arc<Signal>,
    ) -> Option<Producer<E>> {
        let replay = self.replay.as_ref()?;
        let hasher = Some(Box::new(UnitHasher::new(block_start)));
        let production = Producer::new(replay(block_start), signal, hasher);
        Some(production.discard(block_start, offset))
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
