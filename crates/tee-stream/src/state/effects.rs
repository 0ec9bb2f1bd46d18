use std::task::Waker;

use bytes::Bytes;

use super::production::{Production, Source};
use crate::wakers::{Wakers, call_all};

/// What a change of the state leaves to do once the lock is released, since it may run foreign code: wakers to call, and
/// values to drop.
#[must_use = "wakes would be lost"]
pub(crate) struct Effects<E> {
    wakers: Vec<Waker>,
    /// Apart from the others, since one for each chunk is common, and a list allocates.
    chunk: Option<Bytes>,
    chunks: Vec<Bytes>,
    dropped_wakers: Vec<Waker>,
    sources: Vec<Source<E>>,
}

impl<E> Effects<E> {
    pub(crate) const fn new() -> Self {
        Self {
            wakers: Vec::new(),
            chunk: None,
            chunks: Vec::new(),
            dropped_wakers: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Wakes all branches that wait at a production.
    pub(super) fn wake(&mut self, wakers: &Wakers, production: &mut Production<E>) {
        if std::mem::take(&mut production.waiting) {
            wakers.take(Some(production.id), &mut self.wakers);
        }
    }

    /// Wakes all branches that wait.
    pub(super) fn wake_all(&mut self, wakers: &Wakers) {
        wakers.take(None, &mut self.wakers);
    }

    pub(super) fn drop_chunk(&mut self, chunk: Bytes) {
        self.chunks.extend(self.chunk.replace(chunk));
    }

    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        self.dropped_wakers.extend(waker);
    }

    pub(super) fn drop_source(&mut self, source: Source<E>) {
        self.sources.push(source);
    }

    /// Wakes and drops. Never called with a lock held.
    pub(crate) fn run(self) {
        if !self.wakers.is_empty() {
            call_all(self.wakers, Waker::wake);
        }
    }
}
