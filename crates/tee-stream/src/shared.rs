use std::{sync::Arc, task::Context, time::Instant};

use crate::{
    Timer,
    source::{ChunkStream, Producer},
    state::{Effects, State},
    sync::{Mutex, MutexGuard, lock},
    timer::Alarm,
    wakers::Signal,
};

pub(crate) type ReplayFn<E> = Box<dyn Fn(u64) -> ChunkStream<E> + Send + Sync>;

/// What the handles and the branches of a tee share: the state, and the foreign code that is called with no lock held.
pub(crate) struct Shared<E> {
    pub(crate) state: Mutex<State<E>>,
    pub(crate) timer: Option<Arc<dyn Timer>>,
    pub(crate) replay: Option<ReplayFn<E>>,
    pub(crate) chunk_size: usize,
}

impl<E> Shared<E> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<E>> {
        lock(&self.state)
    }

    /// Changes the state, and runs the effects once the lock is released.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State<E>, &mut Effects<E>) -> T) -> T {
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
