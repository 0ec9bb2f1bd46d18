use std::{sync::Arc, task::Waker};

use bytes::Bytes;

use crate::{cursor::Cursor, each::each, several::Several, signal::Signal};

/// What a change of the state leaves to do once the lock is released: it may run code of others.
#[must_use = "wakes would be lost"]
#[derive(Debug)]
pub(crate) struct Effects<P, E> {
    wake: Several<Arc<Signal>>,
    trash: Several<Trash<P, E>>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "kept only to be dropped")]
enum Trash<P, E> {
    Chunk(Bytes),
    Waker(Waker),
    Production(P),
    Cursor(Box<Cursor<P, E>>),
}

impl<P, E> Effects<P, E> {
    pub(crate) fn new() -> Self {
        Self {
            wake: Several::new(),
            trash: Several::new(),
        }
    }

    /// Wakes everybody who waits at a cursor.
    pub(crate) fn wake(&mut self, signal: &Arc<Signal>) {
        self.wake.push(Arc::clone(signal));
    }

    pub(crate) fn drop_chunk(&mut self, chunk: Bytes) {
        self.trash.push(Trash::Chunk(chunk));
    }

    pub(crate) fn drop_waker(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.trash.push(Trash::Waker(waker));
        }
    }

    pub(crate) fn drop_production(&mut self, production: P) {
        self.trash.push(Trash::Production(production));
    }

    pub(crate) fn drop_cursor(&mut self, cursor: Box<Cursor<P, E>>) {
        self.trash.push(Trash::Cursor(cursor));
    }

    /// Does it. Never called with a lock held.
    pub(crate) fn run(self) {
        each(self.wake, |signal| signal.wake_all());
    }
}
