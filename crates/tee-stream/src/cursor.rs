use std::{fmt, sync::Arc, time::Instant};

use crate::{TeeError, ledger::Trail, reader::Reader, signal::Signal, window::Window};

/// One production of the document together with its window.
pub(crate) struct Cursor<P, E> {
    pub(crate) id: CursorId,
    /// Where its window began.
    pub(crate) opened_at: u64,
    pub(crate) window: Window,
    pub(crate) production: Production<P>,
    /// How the production ended; its readers learn it when they have read the window.
    pub(crate) end: Option<Result<(), TeeError<E>>>,
    pub(crate) signal: Arc<Signal>,
    /// Somebody may be registered with the signal.
    pub(crate) waiting: bool,
    /// The branches that read here, those ahead included.
    pub(crate) readers: usize,
    /// Branches that are ahead of this cursor and wait until it reaches them: their index and offset.
    pub(crate) ahead: Vec<(usize, u64)>,
    /// How many branches wait for room.
    pub(crate) room_waiters: usize,
    pub(crate) blocked: Option<Blocked>,
    /// How often others have waited here for somebody in vain.
    pub(crate) waits_in_vain: u32,
    pub(crate) trail: Trail,
}

/// Which cursor. The generation tells a cursor from one that was in its place before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CursorId {
    pub(crate) slot: usize,
    pub(crate) generation: u64,
}

/// Where the stream is that the chunks come from.
#[derive(Debug)]
pub(crate) enum Production<P> {
    /// Here, for the next one who needs a chunk.
    Idle(P),
    /// With a branch that is polling it.
    Taken,
    /// Ended and dropped.
    Done,
}

/// Somebody waits for room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocked {
    /// Since when those who hold the window back are charged.
    pub(crate) since: Option<Instant>,
    /// When the last of them will have used up its patience.
    pub(crate) deadline: Option<Instant>,
    /// Which of them that is.
    pub(crate) patient: Option<usize>,
    /// That one moved on, or another came, so the deadline says nothing.
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
            room_waiters: 0,
            blocked: None,
            waits_in_vain: 0,
            trail: Trail::default(),
        }
    }
}

impl<P, E> Cursor<P, E> {
    /// Takes note that a reader moves on from `sequence`, and charges it if it was the last that others waited for.
    ///
    /// Returns whether those who wait should look again.
    pub(crate) fn moves_on(
        &mut self,
        index: usize,
        reader: &mut Reader,
        sequence: u64,
        now: Option<Instant>,
    ) -> bool {
        let Some(blocked) = &mut self.blocked else {
            return false;
        };
        if sequence != self.window.base_sequence() {
            return false;
        }
        // Whoever moves on while others still hold it back was not what was waited for. So readers that take turns at being
        // last, as healthy ones on a busy machine do, share one wait between them, and are not charged for it each.
        let waited_for = self.window.readers_at_base() == 1;
        reader.charge(blocked.since.filter(|_| waited_for), now);
        blocked.stale |= blocked.patient == Some(index);
        blocked.stale
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

/// The cursors that are there, at most as many as the tee allows.
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
