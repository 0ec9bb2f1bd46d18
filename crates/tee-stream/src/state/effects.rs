use std::task::Waker;

use bytes::Bytes;

use super::production::Production;
use crate::signal::{Wakers, call_all};

/// What a change of the state leaves to do once the lock is released, since it may run foreign code: wakers to call, and
/// values to drop.
#[must_use = "wakes would be lost"]
#[derive(Debug)]
pub(crate) struct Effects<P, E> {
    wakers: Vec<Waker>,
    /// Apart from the others, since one for each chunk is common, and a list allocates.
    chunk: Option<Bytes>,
    dropped: Vec<Dropped<P, E>>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "kept only to be dropped")]
enum Dropped<P, E> {
    Chunk(Bytes),
    Waker(Waker),
    Source(P),
    Production(Box<Production<P, E>>),
}

impl<P, E> Effects<P, E> {
    pub(crate) const fn new() -> Self {
        Self {
            wakers: Vec::new(),
            chunk: None,
            dropped: Vec::new(),
        }
    }

    /// Wakes everybody who waits at a production.
    pub(super) fn wake(&mut self, wakers: &Wakers, production: &mut Production<P, E>) {
        if std::mem::take(&mut production.waiting) {
            wakers.take(Some(production.id), &mut self.wakers);
        }
    }

    /// Wakes everybody who waits at any production.
    pub(super) fn wake_all(&mut self, wakers: &Wakers) {
        wakers.take(None, &mut self.wakers);
    }

    pub(super) fn drop_chunk(&mut self, chunk: Bytes) {
        if let Some(before) = self.chunk.replace(chunk) {
            self.dropped.push(Dropped::Chunk(before));
        }
    }

    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        self.dropped.extend(waker.map(Dropped::Waker));
    }

    pub(super) fn drop_source(&mut self, source: P) {
        self.dropped.push(Dropped::Source(source));
    }

    pub(super) fn drop_production(&mut self, production: Production<P, E>) {
        self.dropped.push(Dropped::Production(Box::new(production)));
    }

    /// Wakes and drops. Never called with a lock held.
    pub(crate) fn run(self) {
        if !self.wakers.is_empty() {
            call_all(self.wakers, Waker::wake);
        }
    }
}
