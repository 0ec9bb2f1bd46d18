//! The state machine: where each branch is, and what it does next. It polls nothing, wakes nobody and reads no clock, so it can
//! be driven step by step.

mod attach;
mod backpressure;
mod cursor;
mod deliver;
mod effects;
mod reader;
mod step;
mod window;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    LagPolicy, TeeError,
    signal::{Registration, Signal},
    verification::BlockHashes,
};
use cursor::{Cursors, Production};
use reader::{Place, Readers};

pub(crate) use cursor::CursorId;
pub(crate) use deliver::Outcome;
pub(crate) use effects::Effects;
pub(crate) use reader::Reader;

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
    /// How long the readers of the last group wait for one of them, each time.
    pub(crate) last_group_limit: Duration,
    /// The bytes that a branch may produce before it lets others run.
    pub(crate) lead: u64,
}

/// The state that the branches of a tee share. It only stores `P`, the productions.
#[derive(Debug)]
pub(crate) struct State<P, E> {
    settings: Settings,
    cursors: Cursors<P, E>,
    readers: Readers,
    hashes: BlockHashes,
    /// The offset behind the furthest byte that any cursor produced.
    frontier: u64,
    length: Option<u64>,
    poisoned: bool,
    /// The productions that ran to the end.
    completed: usize,
    produced: u64,
    held: usize,
    held_peak: usize,
}

/// What a tee has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeeStatistics {
    /// The bytes that all productions yielded together, without those that the replay, or the tee (less than one block each
    /// time), discards to reach an offset.
    ///
    /// Divided by `document_length`, it says how often the document was produced.
    pub bytes_produced: u64,
    /// The productions that were begun, including the first.
    pub cursors_opened: u64,
    /// The cursors that are open now.
    pub cursors_open: usize,
    /// The bytes in all windows now.
    pub window_bytes: usize,
    /// The most bytes that were ever in all windows together.
    pub window_bytes_peak: usize,
    /// The branches that have not ended.
    pub branches_open: usize,
    /// The length of the document, once a production has ended, or as it was declared.
    pub document_length: Option<u64>,
}

/// Where one branch is. A snapshot: it may be out of date when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchStatus {
    /// The number of the branch in its tee, counted from 0.
    pub id: u64,
    /// Its name, when it has one.
    pub name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub offset: u64,
    /// How many bytes it is behind the front of its cursor, or, without a cursor, behind the furthest byte that was produced.
    pub lag: u64,
    /// The number of the cursor that it reads from, counted from 0. `None` after it was cut loose, until it is polled again.
    pub cursor: Option<u64>,
    /// How much longer others wait for it. `None` means for ever. A wait that is going on is not subtracted yet.
    pub patience_left: Option<Duration>,
}

/// What a branch that is polled does next.
#[derive(Debug)]
pub(crate) enum Step<P, E> {
    Chunk(Bytes),
    End,
    Fail(TeeError<E>),
    /// Poll this production, and deliver its result.
    Produce {
        cursor: CursorId,
        production: P,
    },
    /// Open a production at the start of a block, of which the bytes before `offset` are not needed. Then the same.
    Open {
        cursor: CursorId,
        block_start: u64,
        offset: u64,
        signal: Arc<Signal>,
    },
    /// The waker is registered.
    Wait,
    /// The waker is registered, and must be woken at this time too.
    WaitUntil(Instant),
    /// Call [`State::step`] again with the time.
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
            hashes: BlockHashes::default(),
            frontier: 0,
            length,
            poisoned: false,
            completed: 0,
            produced: 0,
            held: 0,
            held_peak: 0,
        }
    }

    /// Adds a branch at byte 0. If a window still holds byte 0, the branch holds that window back from now on.
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
            place: Place::Detached,
            limit,
            then,
            spent: Duration::ZERO,
            fresh: false,
            here_since: None,
            has_read: false,
            waits_for_space: None,
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
        self.detach(index, Place::Detached, now, effects);
        let mut reader = self.readers.remove(index)?;
        effects.drop_waker(Registration::withdraw(reader.registration.take()));
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

    /// The length of the document, if it is known or was declared.
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
            Place::Detached | Place::Lagged { .. } => None,
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

    /// Takes a branch off its cursor. That may free space for others, and closes a cursor without readers.
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
                let stale = cursor.reader_moves_on(index, reader, sequence, now);
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

    /// Closes a cursor. Branches that are still on it notice that it is gone and look for another one.
    fn close(&mut self, id: CursorId, effects: &mut Effects<P, E>) {
        if let Some(cursor) = self.cursors.remove(id) {
            self.held -= cursor.window.bytes();
            effects.wake(&cursor.signal);
            effects.drop_cursor(cursor);
        }
    }
}
