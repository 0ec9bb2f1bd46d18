use std::{sync::Arc, task::Waker};

use bytes::Bytes;

use super::production::Production;
use crate::signal::{Signal, call_all};

/// What a change of the state leaves to do once the lock is released, since it may run foreign code: wakers to call, and
/// values to drop.
#[must_use = "wakes would be lost"]
#[derive(Debug)]
pub(crate) struct Effects<P, E> {
    wake: Vec<Arc<Signal>>,
    /// Apart from the others, since one for each chunk is common, and a list allocates.
    chunk: Option<Bytes>,
    chunks: Vec<Bytes>,
    wakers: Vec<Waker>,
    sources: Vec<P>,
    productions: Vec<Production<P, E>>,
}

impl<P, E> Effects<P, E> {
    pub(crate) const fn new() -> Self {
        Self {
            wake: Vec::new(),
            chunk: None,
            chunks: Vec::new(),
            wakers: Vec::new(),
            sources: Vec::new(),
            productions: Vec::new(),
        }
    }

    /// Wakes everybody who waits at a production.
    pub(super) fn wake(&mut self, signal: &Arc<Signal>) {
        self.wake.push(Arc::clone(signal));
    }

    pub(super) fn drop_chunk(&mut self, chunk: Bytes) {
        if self.chunk.is_none() {
            self.chunk = Some(chunk);
        } else {
            self.chunks.push(chunk);
        }
    }

    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    pub(super) fn drop_source(&mut self, source: P) {
        self.sources.push(source);
    }

    pub(super) fn drop_production(&mut self, production: Production<P, E>) {
        self.productions.push(production);
    }

    /// Wakes and drops. Never called with a lock held.
    pub(crate) fn run(self) {
        call_all(self.wake, |signal| signal.wake_all());
    }
}
