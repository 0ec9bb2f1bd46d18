use std::{sync::Arc, task::Waker};

use bytes::Bytes;

use super::production::Production;
use crate::signal::{Signal, call_all};

/// What a change of the state leaves to do once the lock is released, since it may run foreign code: wakers to call, and
/// values to drop.
#[must_use = "wakes would be lost"]
#[derive(Debug)]
pub(crate) struct Effects<P, E> {
    /// Apart from the others, since one for each chunk is common, and a list allocates.
    wake: Option<Arc<Signal>>,
    chunk: Option<Bytes>,
    rest: Vec<Effect<P, E>>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "most are kept only to be dropped")]
enum Effect<P, E> {
    Wake(Arc<Signal>),
    Chunk(Bytes),
    Waker(Waker),
    Source(P),
    Production(Box<Production<P, E>>),
}

impl<P, E> Effects<P, E> {
    pub(crate) const fn new() -> Self {
        Self {
            wake: None,
            chunk: None,
            rest: Vec::new(),
        }
    }

    /// Wakes everybody who waits at a production.
    pub(super) fn wake(&mut self, signal: &Arc<Signal>) {
        if self.wake.is_none() {
            self.wake = Some(Arc::clone(signal));
        } else {
            self.rest.push(Effect::Wake(Arc::clone(signal)));
        }
    }

    pub(super) fn drop_chunk(&mut self, chunk: Bytes) {
        if self.chunk.is_none() {
            self.chunk = Some(chunk);
        } else {
            self.rest.push(Effect::Chunk(chunk));
        }
    }

    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        self.rest.extend(waker.map(Effect::Waker));
    }

    pub(super) fn drop_source(&mut self, source: P) {
        self.rest.push(Effect::Source(source));
    }

    pub(super) fn drop_production(&mut self, production: Production<P, E>) {
        self.rest.push(Effect::Production(Box::new(production)));
    }

    /// Wakes and drops. Never called with a lock held.
    pub(crate) fn run(self) {
        let others = self.rest.iter().filter_map(|effect| match effect {
            Effect::Wake(signal) => Some(signal),
            _ => None,
        });
        call_all(self.wake.iter().chain(others), |signal| signal.wake_all());
    }
}
