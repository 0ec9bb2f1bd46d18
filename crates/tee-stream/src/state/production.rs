use std::{ops::Range, sync::Arc, task::Waker, time::Instant};

use super::{Effects, State, Step, waiting::Blocked};
use crate::{TeeError, signal::Signal};

/// One production of the document, which stands at an offset.
#[derive(Debug)]
pub(crate) struct Production<P, E> {
    pub(crate) id: u64,
    /// The offset of the next byte that it yields.
    pub(crate) position: u64,
    pub(crate) source: Source<P, E>,
    pub(crate) signal: Arc<Signal>,
    /// Somebody may be registered with the signal.
    pub(crate) waiting: bool,
    /// Since when it has been at its next chunk.
    pub(crate) started: Option<Instant>,
    /// It has been polled, and had no chunk yet, for which there is space.
    pub(crate) pending: bool,
    pub(crate) blocked: Option<Blocked>,
    /// How many of its readers wait for space.
    pub(crate) space_waiters: usize,
    /// The offset of its rearmost reader, when [`State::find_tails`] was called.
    pub(crate) tail: u64,
}

#[derive(Debug)]
pub(crate) enum Source<P, E> {
    /// Here, for the next branch that needs a chunk.
    Idle(P),
    /// With a branch that is polling it.
    Taken,
    /// Ended and dropped. Its readers have yet to read what it left.
    Ended,
    Failed(TeeError<E>),
}

impl<P, E> Production<P, E> {
    pub(crate) fn new(
        id: u64,
        position: u64,
        source: Source<P, E>,
        signal: Arc<Signal>,
        now: Option<Instant>,
    ) -> Self {
        Self {
            id,
            position,
            source,
            signal,
            waiting: false,
            started: now,
            pending: false,
            blocked: None,
            space_waiters: 0,
            tail: position,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.source, Source::Idle(_) | Source::Taken)
    }

    /// Whether its readers still need a chunk of this extent.
    pub(crate) fn needs(&self, chunk: &Range<u64>) -> bool {
        self.tail < chunk.end && chunk.start < self.position
    }
}

impl<P, E> State<P, E> {
    pub(super) fn productions(&self) -> impl Iterator<Item = (usize, &Production<P, E>)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, production)| Some((slot, production.as_ref()?)))
    }

    #[inline]
    pub(super) fn production(&mut self, slot: usize) -> Option<&mut Production<P, E>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    fn running(&self) -> impl Iterator<Item = (usize, &Production<P, E>)> {
        self.productions()
            .filter(|(_, production)| production.is_running())
    }

    pub(super) fn count_running(&self) -> usize {
        self.running().count()
    }

    /// How many bytes the readers of one production may be apart. With several productions that is a part of the budget, but not
    /// less than a quarter of it: readers that are far ahead of the others are rare.
    pub(super) fn share(&self) -> u64 {
        (self.cache.budget() / self.count_running().clamp(1, 4) as u64).max(1)
    }

    /// How far behind a production a reader may be that joins it: at the very end it would hold the others back at once.
    fn near(&self) -> u64 {
        self.cache.budget() / 4 * 3
    }

    /// Finds the rearmost reader of each production.
    pub(super) fn find_tails(&mut self) {
        for production in self.slots.iter_mut().flatten() {
            production.tail = production.position;
        }
        for reader in self.readers.iter() {
            if let Some(Some(production)) = reader.home.and_then(|slot| self.slots.get_mut(slot)) {
                production.tail = production.tail.min(reader.offset);
            }
        }
    }

    /// Whether another production may begin at `offset`, so that all of them together yield the document at most `times`.
    fn is_affordable(&self, offset: u64, times: u64) -> bool {
        let ahead = self
            .running()
            .map(|(_, other)| self.frontier - other.position.min(self.frontier));
        let committed =
            self.produced + ahead.sum::<u64>() + (self.frontier - offset.min(self.frontier));
        committed <= self.frontier.saturating_mul(times)
    }

    pub(super) fn may_open(&self, offset: u64) -> bool {
        let most = self.settings.max_productions;
        self.count_running() < most && self.is_affordable(offset, most as u64)
    }

    /// Whether a reader at `offset` can read on if it leaves this production.
    pub(super) fn has_elsewhere(&self, slot: usize, offset: u64) -> bool {
        self.may_open(offset)
            || self
                .running()
                .any(|(other, production)| other != slot && production.position <= offset)
    }

    /// The production that a reader at `offset` rides on, until it gets there: the nearest one behind, unless it is far and
    /// another one may be opened.
    pub(super) fn behind(&self, offset: u64) -> Option<usize> {
        let behind = self
            .running()
            .filter(|(_, production)| production.position <= offset)
            .max_by_key(|(_, production)| production.position);
        let (slot, production) = behind?;
        let is_near = offset - production.position <= self.cache.budget();
        (is_near || !self.may_open(offset)).then_some(slot)
    }

    /// The production that a reader at `offset` reaches by reading what is in the cache.
    fn reached_from(&self, offset: u64) -> Option<(usize, u64)> {
        self.productions()
            .filter(|(_, production)| {
                let position = production.position;
                position >= offset && self.cache.holds(offset..position)
            })
            .min_by_key(|(_, production)| {
                let has_failed = matches!(production.source, Source::Failed(_));
                (has_failed, production.position)
            })
            .map(|(slot, production)| (slot, production.position))
    }

    /// Makes a branch a reader of a production, which from now on keeps chunks for it.
    pub(super) fn settle_in(&mut self, index: usize, slot: usize, effects: &mut Effects<P, E>) {
        let (Some(reader), Some(Some(production))) =
            (self.readers.get_mut(index), self.slots.get_mut(slot))
        else {
            return;
        };
        reader.home = Some(slot);
        if let Some(blocked) = &mut production.blocked {
            // It may hold the others back too, but they have not waited for it so far.
            blocked.stale = true;
            if blocked.chunk.contains(&reader.offset) {
                blocked.holders += 1;
            }
            effects.wake(&production.signal);
        }
    }

    /// Takes a branch in where the cache leads from its offset to a production, unless it would hold others back there at once.
    pub(super) fn join_nearby(&mut self, index: usize, effects: &mut Effects<P, E>) -> bool {
        let Some(reader) = self.readers.get(index) else {
            return false;
        };
        let offset = reader.offset;
        let Some((slot, position)) = self.reached_from(offset) else {
            return false;
        };
        self.find_tails();
        let near = self.near();
        let Some(production) = self.production(slot) else {
            return false;
        };
        let welcome = position - offset <= near
            || production.tail <= offset
            || !production.is_running()
            || !self.settings.can_replay;
        if welcome {
            self.settle_in(index, slot, effects);
        }
        welcome
    }

    /// Finds a production for a branch that has none. `None` once it has one; else what the branch does first.
    pub(super) fn find_home(
        &mut self,
        index: usize,
        now: Option<Instant>,
        may_produce: bool,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) -> Option<Step<P, E>> {
        let offset = self.readers.get(index)?.offset;
        if self.ended && self.length == Some(offset) {
            return Some(Step::End);
        }
        if self.join_nearby(index, effects) {
            return None;
        }
        if let Some(chunk) = self.read(index, now, effects) {
            // It is not kept for this branch, but it is still here.
            return Some(Step::Chunk(chunk));
        }
        if let Some(slot) = self.behind(offset) {
            self.settle_in(index, slot, effects);
            return None;
        }
        if !self.settings.can_replay {
            return Some(Step::Fail(TeeError::Unavailable { offset }));
        }
        if !may_produce {
            return Some(Step::Yield);
        }
        if self.may_open(offset) {
            return Some(self.open(index, offset, now, effects));
        }
        // All productions are ahead. The nearest begins anew, here, and its readers wait for it.
        let nearest = self
            .running()
            .min_by_key(|(_, production)| production.position)
            .map(|(slot, _)| slot);
        if let Some(slot) = nearest {
            let most = 2 * self.settings.max_productions as u64;
            if !self.is_affordable(offset, most)
                && let (Some(now), Some(after)) = (now, self.restart_after)
                && now < after
            {
                self.register(index, slot, waker, effects);
                return Some(Step::WaitUntil(after));
            }
            self.restart_after = now.map(|now| now + self.account.earned());
            self.close(slot, now, effects);
        }
        Some(self.open(index, offset, now, effects))
    }

    fn open(
        &mut self,
        index: usize,
        offset: u64,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Step<P, E> {
        self.find_tails();
        self.evict(now, effects);
        let signal = Signal::new();
        let id = self.opened;
        self.opened += 1;
        let production = Production::new(id, offset, Source::Taken, Arc::clone(&signal), now);
        let slot = match self.slots.iter().position(Option::is_none) {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[slot] = Some(production);
        self.settle_in(index, slot, effects);
        if let Some(reader) = self.readers.get_mut(index) {
            reader.leading = true;
        }
        self.close_unwanted(now, effects);
        Step::Open {
            slot,
            id,
            offset,
            signal,
        }
    }

    /// Closes a production. Its readers look for another one.
    fn close(&mut self, slot: usize, now: Option<Instant>, effects: &mut Effects<P, E>) {
        for reader in self.readers.iter_mut() {
            if reader.home == Some(slot) {
                reader.home = None;
            }
            if reader.waits.is_some_and(|(waits, _)| waits == slot) {
                reader.stops_waiting(now, self.let_go_at);
            }
        }
        self.unblock(slot, now);
        // Others may wait for one production less.
        for (_, production) in self.productions() {
            effects.wake(&production.signal);
        }
        if let Some(production) = self.slots.get_mut(slot).and_then(Option::take) {
            effects.drop_production(production);
        }
    }

    /// Closes the productions that have nobody left.
    pub(super) fn close_unwanted(&mut self, now: Option<Instant>, effects: &mut Effects<P, E>) {
        for slot in 0..self.slots.len() {
            let Some(Some(production)) = self.slots.get(slot) else {
                continue;
            };
            let spare = !production.is_running() || self.count_running() > 1;
            if self.settings.can_replay
                && spare
                && self.readers.iter().all(|reader| reader.home != Some(slot))
            {
                self.close(slot, now, effects);
            }
        }
    }

    /// Ends the productions that have reached what another one has already produced, and hands their readers over.
    pub(super) fn merge(&mut self, now: Option<Instant>, effects: &mut Effects<P, E>) {
        if !self.ended && self.count_running() < 2 {
            return;
        }
        for slot in 0..self.slots.len() {
            let Some(Some(production)) = self.slots.get(slot) else {
                continue;
            };
            let position = production.position;
            if !production.is_running() {
                continue;
            }
            if let (true, Some(length)) = (self.ended, self.length)
                && position < length
                && self.cache.holds(position..length)
                && let Some(Some(production)) = self.slots.get_mut(slot)
            {
                production.position = length;
                if let Source::Idle(source) =
                    std::mem::replace(&mut production.source, Source::Ended)
                {
                    effects.drop_source(source);
                }
                effects.wake(&production.signal);
                continue;
            }
            let near = self.near();
            let other = self.running().find(|(other, production)| {
                *other != slot
                    && (position..=position + near).contains(&production.position)
                    && self.cache.holds(position..production.position)
            });
            if let Some((other, _)) = other {
                let readers: Vec<usize> = self.readers.of(slot).collect();
                self.close(slot, now, effects);
                for index in readers {
                    self.settle_in(index, other, effects);
                }
            }
        }
    }
}
