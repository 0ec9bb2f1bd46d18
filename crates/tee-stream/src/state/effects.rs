use std::{sync::Arc, task::Waker};

use bytes::Bytes;

use super::cursor::Cursor;
use crate::signal::{Signal, call_all};

/// What a change of the state leaves to do once the lock is released, since it may run foreign code: wakers to call, and
/// values to drop.
#[must_use = "wakes would be lost"]
#[derive(Debug)]
pub(crate) struct Effects<P, E> {
    wake: FewItems<Arc<Signal>>,
    garbage: FewItems<Garbage<P, E>>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "kept only to be dropped")]
enum Garbage<P, E> {
    Chunk(Bytes),
    Waker(Waker),
    Production(P),
    Cursor(Box<Cursor<P, E>>),
}

impl<P, E> Effects<P, E> {
    pub(crate) fn new() -> Self {
        Self {
            wake: FewItems::new(),
            garbage: FewItems::new(),
        }
    }

    /// Wakes everybody who waits at a cursor.
    pub(super) fn wake(&mut self, signal: &Arc<Signal>) {
        self.wake.push(Arc::clone(signal));
    }

    pub(super) fn drop_chunk(&mut self, chunk: Bytes) {
        self.garbage.push(Garbage::Chunk(chunk));
    }

    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.garbage.push(Garbage::Waker(waker));
        }
    }

    pub(super) fn drop_production(&mut self, production: P) {
        self.garbage.push(Garbage::Production(production));
    }

    pub(super) fn drop_cursor(&mut self, cursor: Box<Cursor<P, E>>) {
        self.garbage.push(Garbage::Cursor(cursor));
    }

    /// Wakes and drops. Never called with a lock held.
    pub(crate) fn run(self) {
        call_all(self.wake, |signal| signal.wake_all());
    }
}

/// A list that does not allocate for its first item, since it rarely has more.
#[derive(Debug)]
struct FewItems<T> {
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> FewItems<T> {
    const fn new() -> Self {
        Self {
            first: None,
            rest: Vec::new(),
        }
    }

    fn push(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.rest.push(item);
        }
    }
}

impl<T> IntoIterator for FewItems<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
