//! The state machine: who is where, and what is to be done next. It polls nothing, wakes nobody and knows no clock, so it can
//! be driven step by step.

mod attach;
mod deliver;
mod room;
mod step;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    BranchStatus, LagPolicy, TeeError, TeeStatistics,
    cursor::{CursorId, Cursors, Production},
    effects::Effects,
    ledger::Ledger,
    reader::{Place, Reader, Readers},
    signal::Signal,
};

pub(crate) use deliver::Outcome;

/// What was configured.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The bytes that one window may hold.
    pub(crate) window: usize,
    /// The chunks that one window may hold, so that tiny ones do not cost more in bookkeeping than they hold.
    pub(crate) window_chunks: usize,
    pub(crate) maximum_cursors: usize,
    pub(crate) can_replay: bool,
    pub(crate) timed: bool,
    pub(crate) lag_policy: LagPolicy,
    /// How long the last group waits for one of its own, each time.
    pub(crate) ride_limit: Duration,
    /// The bytes that a branch may produce before it gives way to others.
    pub(crate) lead: u64,
}

/// The state that the branches of a tee share. `P` is a production, which the state only keeps.
#[derive(Debug)]
pub(crate) struct State<P, E> {
    settings: Settings,
    cursors: Cursors<P, E>,
    readers: Readers,
    ledger: Ledger,
    /// The furthest byte that any cursor produced.
    frontier: u64,
    length: Option<u64>,
    poisoned: bool,
    /// Productions that ran to the end.
    completed: usize,
    produced: u64,
    held: usize,
    held_peak: usize,
}

/// What a branch that is polled has to do.
#[derive(Debug)]
pub(crate) enum Step<P, E> {
    Chunk(Bytes),
    End,
    Fail(TeeError<E>),
    /// Poll this production, and deliver what it says.
    Produce {
        cursor: CursorId,
        production: P,
    },
    /// Begin a production where a block begins, of which what comes before this offset is not needed; then the same.
    Open {
        cursor: CursorId,
        block_start: u64,
        offset: u64,
        signal: Arc<Signal>,
    },
    /// The waker is registered.
    Wait,
    /// The waker is registered, and wants to be woken at this time too.
    WaitUntil(Instant),
    /// Ask again with the time.
    NeedTime,
    /// Let others run first.
    Yield,
}

impl<P, E> State<P, E> {
    pub(crate) fn new(
        settings: Settings,
        length: Option<u64>,
        source: P,
        signal: Arc<Signal>,
    ) -> Self {
        let mut cursors = Cursors::new();
        cursors.insert(0, Production::Idle(source), signal);
        Self {
            settings,
            cursors,
            readers: Readers::default(),
            ledger: Ledger::default(),
            frontier: 0,
            length,
            poisoned: false,
            completed: 0,
            produced: 0,
            held: 0,
            held_peak: 0,
        }
    }

    /// Adds a branch at byte 0: in a window, if one still holds it, so that the window waits for it from now on.
    pub(crate) fn join(
        &mut self,
        name: Option<Arc<str>>,
        policy: Option<LagPolicy>,
        effects: &mut Effects<P, E>,
    ) -> (usize, u64) {
        let (limit, then) = policy
            .unwrap_or(self.settings.lag_policy)
            .terms(self.settings.timed);
        let id = self.readers.joined();
        let index = self.readers.insert(Reader {
            id,
            name,
            offset: 0,
            place: Place::Adrift,
            limit,
            then,
            spent: Duration::ZERO,
            fresh: false,
            here_since: None,
            has_read: false,
            waits_for_room: None,
            registration: None,
            leading: false,
            led: 0,
            gave_way: None,
        });
        self.enter_window(index, effects);
        (index, id)
    }

    /// Removes a branch that has ended or was dropped.
    pub(crate) fn leave(
        &mut self,
        index: usize,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Option<Reader> {
        let waited = self.stop_waiting(index);
        self.detach(index, Place::Adrift, now, effects);
        let mut reader = self.readers.remove(index)?;
        effects.drop_waker(crate::signal::Registration::withdraw(
            reader.registration.take(),
        ));
        self.settle(waited, now);
        Some(reader)
    }

    /// Everything ends with an error from now on.
    pub(crate) fn poison(&mut self, effects: &mut Effects<P, E>) {
        self.poisoned = true;
        for cursor in self.cursors.iter() {
            effects.wake(&cursor.signal);
        }
    }

    /// Whether `offset` is where the document ends.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    pub(crate) fn statistics(&self) -> TeeStatistics {
        TeeStatistics {
            bytes_produced: self.produced,
            cursors_opened: self.cursors.opened(),
            cursors_open: self.cursors.open(),
            window_bytes: self.held,
            window_bytes_peak: self.held_peak,
            branches_open: self.readers.open(),
            document_length: self.length,
        }
    }

    pub(crate) fn branches(&self) -> Vec<BranchStatus> {
        self.readers
            .iter()
            .map(|reader| self.status(reader))
            .collect()
    }

    fn status(&self, reader: &Reader) -> BranchStatus {
        let cursor = match reader.place {
            Place::Reading { cursor, .. } | Place::Ahead { cursor } => self.cursors.get(cursor),
            Place::Adrift | Place::Lagged { .. } => None,
        };
        let front = cursor.map_or(self.frontier, |cursor| cursor.window.front());
        BranchStatus {
            id: reader.id,
            name: reader.name.clone(),
            offset: reader.offset,
            lag: front.saturating_sub(reader.offset),
            cursor: cursor.map(|cursor| cursor.id.generation),
            patience_left: reader.limit.map(|limit| limit.saturating_sub(reader.spent)),
        }
    }

    /// Takes a branch off its cursor, which may give others room, and may leave the cursor without readers.
    fn detach(
        &mut self,
        index: usize,
        place: Place,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        let before = std::mem::replace(&mut reader.place, place);
        let (Place::Reading { cursor: id, .. } | Place::Ahead { cursor: id }) = before else {
            return;
        };
        let Some(cursor) = self.cursors.get_mut(id) else {
            return;
        };
        cursor.readers -= 1;
        match before {
            Place::Reading { sequence, .. } => {
                let stale = cursor.moves_on(index, reader, sequence, now);
                if cursor.window.leave(sequence) {
                    cursor.blocked = None;
                    effects.wake(&cursor.signal);
                } else if stale {
                    effects.wake(&cursor.signal);
                }
            }
            _ => cursor.ahead.retain(|(ahead, _)| *ahead != index),
        }
        if cursor.readers == 0 && self.settings.can_replay && self.cursors.open() > 1 {
            self.close(id, effects);
        }
    }

    /// Ends a cursor. Branches that are still on it notice that it is gone and are adrift.
    fn close(&mut self, id: CursorId, effects: &mut Effects<P, E>) {
        if let Some(cursor) = self.cursors.remove(id) {
            self.held -= cursor.window.bytes();
            effects.wake(&cursor.signal);
            effects.drop_cursor(cursor);
        }
    }
}
