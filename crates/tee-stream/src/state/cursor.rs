use std::{fmt, sync::Arc, time::Instant};

use super::window::Window;
use crate::{TeeError, signal::Signal, verification::UnpairedBlocks};

/// One production of the document together with its window.
pub(crate) struct Cursor<P, E> {
    pub(crate) id: CursorId,
    /// Where its window began.
    pub(crate) opened_at: u64,
    pub(crate) window: Window,
    pub(crate) production: Production<P>,
    /// How the production ended. Its readers learn it when they have read the window.
    pub(crate) end: Option<Result<(), TeeError<E>>>,
    pub(crate) signal: Arc<Signal>,
    /// Somebody may be registered with the signal.
    pub(crate) waiting: bool,
    /// The branches that read here, including those ahead.
    pub(crate) readers: usize,
    /// The branches that are ahead of this cursor and wait until it reaches them: index and offset.
    pub(crate) ahead: Vec<(usize, u64)>,
    /// How many branches wait for space in the window.
    pub(crate) space_waiters: usize,
    pub(crate) blocked: Option<Blocked>,
    /// How often others have waited here for somebody in vain.
    pub(crate) waits_in_vain: u32,
    pub(crate) unpaired: UnpairedBlocks,
}

/// Identifies a cursor. The generation tells it from one that was in the same slot before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CursorId {
    pub(crate) slot: usize,
    pub(crate) generation: u64,
}

/// Where the stream of a cursor is.
#[derive(Debug)]
pub(crate) enum Production<P> {
    /// Here, for the next branch that needs a chunk.
    Idle(P),
    /// With a branch that is polling it.
    Taken,
    /// Ended and dropped.
    Done,
}

/// Somebody waits for space in a full window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocked {
    /// Since when the branches that hold the window back are charged.
    pub(crate) since: Option<Instant>,
    /// When the last of them will have used up its patience.
    pub(crate) deadline: Option<Instant>,
    /// The index of that branch.
    pub(crate) patient: Option<usize>,
    /// That branch moved on, or another came, so the deadline means nothing.
    pub(crate) stale: bool,
}

impl<P, E> Cursor<P, E> {
    pub(crate) fn new(
        id: CursorId,
        offset: u64,
        production: Production<P>,
        signal: Arc<Signal>,
    ) -> Self {
        Self {
            id,
            opened_at: offset,
            window: Window::new(offset),
            production,
            end: None,
            signal,
            waiting: false,
            readers: 0,
            ahead: Vec::new(),
            space_waiters: 0,
            blocked: None,
            waits_in_vain: 0,
            unpaired: UnpairedBlocks::default(),
        }
    }
}

impl<P, E> fmt::Debug for Cursor<P, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cursor")
            .field("id", &self.id)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// The open cursors, at most as many as the tee allows.
#[derive(Debug)]
pub(crate) struct Cursors<P, E> {
    slots: Vec<Option<Box<Cursor<P, E>>>>,
    opened: u64,
    open: usize,
}

impl<P, E> Cursors<P, E> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            opened: 0,
            open: 0,
        }
    }

    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    pub(crate) fn open(&self) -> usize {
        self.open
    }

    pub(crate) fn get(&self, id: CursorId) -> Option<&Cursor<P, E>> {
        self.slots
            .get(id.slot)?
            .as_deref()
            .filter(|cursor| cursor.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: CursorId) -> Option<&mut Cursor<P, E>> {
        self.slots
            .get_mut(id.slot)?
            .as_deref_mut()
            .filter(|cursor| cursor.id == id)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Cursor<P, E>> {
        self.slots.iter_mut().flatten().map(|cursor| &mut **cursor)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cursor<P, E>> {
        self.slots.iter().flatten().map(|cursor| &**cursor)
    }

    pub(crate) fn insert(
        &mut self,
        offset: u64,
        production: Production<P>,
        signal: Arc<Signal>,
    ) -> &mut Cursor<P, E> {
        let slot = match self.slots.iter().position(Option::is_none) {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        let id = CursorId {
            slot,
            generation: self.opened,
        };
        self.opened += 1;
        self.open += 1;
        self.slots[slot].insert(Box::new(Cursor::new(id, offset, production, signal)))
    }

    pub(crate) fn remove(&mut self, id: CursorId) -> Option<Box<Cursor<P, E>>> {
        self.get(id)?;
        self.open -= 1;
        self.slots[id.slot].take()
    }
}
