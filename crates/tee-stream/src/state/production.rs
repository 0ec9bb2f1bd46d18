//! Productions: which of them a branch reads from, when another one begins, and when one ends.

use std::{sync::Arc, task::Waker, time::Instant};

use super::{Effects, State, Step, account::Blocked, reader::readers_of};
use crate::{TeeError, source::Producer, wakers::Signal};

/// One production of the document, which stands at an offset.
pub(crate) struct Production<E> {
    pub(crate) id: u64,
    /// The offset of the next byte that it yields.
    pub(crate) position: u64,
    pub(crate) source: Source<E>,
    pub(crate) signal: Arc<Signal>,
    /// Somebody may be registered as waiting for it.
    pub(crate) waiting: bool,
    /// Since when it has been at its next chunk, if it was pending.
    pub(crate) started: Option<Instant>,
    /// It has been polled, and had no chunk yet, for which there is space.
    pub(crate) pending: bool,
    pub(crate) blocked: Option<Blocked>,
    /// The offset of its rearmost reader, when [`State::find_tails`] was called.
    pub(crate) tail: u64,
}

pub(crate) enum Source<E> {
    /// Here, for the next branch that needs a chunk.
    Idle(Box<Producer<E>>),
    /// With a branch that is polling it.
    Taken,
    /// Ended and dropped. Its readers have yet to read what it left.
    Ended,
    Failed(TeeError<E>),
}

impl<E> Production<E> {
    pub(crate) fn new(id: u64, position: u64, source: Source<E>, signal: Arc<Signal>) -> Self {
        Self {
            id,
            position,
            source,
            signal,
            waiting: false,
            started: None,
            pending: false,
            blocked: None,
            tail: position,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.source, Source::Idle(_) | Source::Taken)
    }

    fn has_failed(&self) -> bool {
        matches!(self.source, Source::Failed(_))
    }
}

impl<E> State<E> {
    pub(super) fn running(&self) -> impl Iterator<Item = &Production<E>> {
        let productions = self.productions.values();
        productions.filter(|production| production.is_running())
    }

    /// How many bytes the readers of one production may be apart. With several productions that is a part of the budget, but not
    /// less than a quarter of it: readers that are far ahead of the others are rare.
    pub(super) fn share(&self) -> u64 {
        (self.cache.budget() / self.running().count().clamp(1, 4) as u64).max(1)
    }

    /// How far behind a production a reader may be that joins it: at the very end it would hold the others back at once.
    fn near(&self) -> u64 {
        self.cache.budget() / 4 * 3
    }

    pub(super) fn find_tails(&mut self) {
        for production in self.productions.values_mut() {
            production.tail = production.position;
        }
        for (_, reader) in &self.readers {
            let home = reader.home.and_then(|home| self.productions.get_mut(&home));
            if let Some(production) = home {
                production.tail = production.tail.min(reader.offset);
            }
        }
    }

    /// Drops chunks that nobody needs until the cache is not full.
    pub(super) fn evict(&mut self, effects: &mut Effects<E>) {
        self.find_tails();
        while self.cache.is_full() {
            let productions = self.productions.values();
            let evicted = self.cache.evict(|chunk| {
                let is_kept = |by: &Production<E>| by.tail < chunk.end && chunk.start < by.position;
                productions.clone().any(is_kept)
            });
            match evicted {
                Some(chunk) => effects.drop_chunk(chunk),
                None => return,
            }
        }
    }

    /// Whether another production may start at `offset`. All productions together may yield the document `max_productions` times,
    /// of which one is kept for productions that start again.
    fn may_open(&self, offset: u64) -> bool {
        let most = self.settings.max_productions;
        let again = |from: u64| self.frontier - from.min(self.frontier);
        let ahead: u64 = self.running().map(|other| again(other.position)).sum();
        let times = if most > 2 { most - 1 } else { most };
        self.running().count() < most
            && self.produced + ahead + again(offset) <= self.frontier.saturating_mul(times as u64)
    }

    /// Whether a reader at `offset` can read on if it leaves this production.
    pub(super) fn has_elsewhere(&self, id: u64, offset: u64) -> bool {
        let is_behind = |other: &Production<E>| other.id != id && other.position <= offset;
        self.may_open(offset) || self.running().any(is_behind)
    }

    /// The production that a reader at `offset` rides on until it gets there: the nearest one behind, unless that is far and
    /// another one may begin.
    pub(super) fn behind(&self, offset: u64) -> Option<u64> {
        let nearest = self
            .running()
            .filter(|production| production.position <= offset)
            .max_by_key(|production| production.position)?;
        let is_near = offset - nearest.position <= self.cache.budget();
        (is_near || !self.may_open(offset)).then_some(nearest.id)
    }

    /// The production to which the cache leads from `offset`, unless a reader there would hold others back at once.
    pub(super) fn reachable(&self, offset: u64) -> Option<u64> {
        let nearest = self
            .productions
            .values()
            .filter(|production| {
                production.position >= offset && self.cache.holds(offset..production.position)
            })
            .min_by_key(|production| (production.has_failed(), production.position))?;
        let is_welcome = nearest.position - offset <= self.near()
            || nearest.tail <= offset
            || !nearest.is_running()
            || !self.settings.can_replay;
        is_welcome.then_some(nearest.id)
    }

    /// What a branch does that no production keeps chunks for. `None` once one does.
    pub(super) fn seek(
        &mut self,
        index: usize,
        now: Option<Instant>,
        may_produce: bool,
        waker: &Waker,
        effects: &mut Effects<E>,
    ) -> Option<Step<E>> {
        let offset = self.readers.get(index)?.offset;
        self.find_tails();
        if let Some(home) = self.reachable(offset) {
            self.settle_in(index, home, now, effects);
            return None;
        }
        if let Some(chunk) = self.read(index) {
            // It is not kept for this branch, but it is still here.
            self.readers.get_mut(index)?.stop_waiting(now);
            return Some(Step::Chunk(chunk));
        }
        if let Some(home) = self.behind(offset) {
            self.settle_in(index, home, now, effects);
            return None;
        }
        if !self.settings.can_replay {
            return Some(Step::Fail(TeeError::Unavailable { offset }));
        }
        if !may_produce {
            return Some(Step::Yield);
        }
        if !self.may_open(offset)
            && let Some(nearest) = self.running().min_by_key(|running| running.position)
        {
            // All are ahead. It waits for one to end, for as long as the account has earned. Then the nearest starts again here.
            let id = nearest.id;
            if self.settings.timed {
                let Some(now) = now else {
                    return Some(Step::ReadClock);
                };
                let earned = self.account.earned();
                let reader = self.readers.get_mut(index)?;
                let until = *reader.waits.get_or_insert(now) + earned;
                if now < until {
                    self.register(index, id, waker, effects);
                    return Some(Step::WaitUntil(until));
                }
            }
            self.close(id, now, effects);
        }
        Some(self.open(offset, now, effects))
    }

    /// Makes a branch a reader of a production, which keeps chunks for it from now on.
    pub(super) fn settle_in(
        &mut self,
        index: usize,
        home: u64,
        now: Option<Instant>,
        effects: &mut Effects<E>,
    ) {
        self.unblock(home, now, true, effects);
        if let Some(reader) = self.readers.get_mut(index) {
            reader.settle_in(home, now);
        }
    }

    /// Opens a production for the branch that looks for one at `offset`.
    fn open(&mut self, offset: u64, now: Option<Instant>, effects: &mut Effects<E>) -> Step<E> {
        self.evict(effects);
        let id = self.opened;
        self.opened += 1;
        let signal = Signal::new(&self.wakers, id);
        let production = Production::new(id, offset, Source::Taken, Arc::clone(&signal));
        self.productions.insert(id, production);
        // Those that were let go nearby ride on it.
        let near = offset..=offset.saturating_add(self.cache.budget());
        for (_, reader) in &mut self.readers {
            if reader.home.is_none() && reader.lagged.is_none() && near.contains(&reader.offset) {
                reader.settle_in(id, now);
            }
        }
        self.close_unwanted(now, effects);
        // Others may ride on it.
        effects.wake_all(&self.wakers);
        Step::Open { id, offset, signal }
    }

    /// Closes a production. Its readers look for another one.
    fn close(&mut self, id: u64, now: Option<Instant>, effects: &mut Effects<E>) {
        self.unblock(id, now, false, effects);
        for reader in readers_of(&mut self.readers, id) {
            reader.home = None;
        }
        if let Some(production) = self.productions.remove(&id) {
            effects.drop_source(production.source);
        }
        // Others may wait for one production less.
        effects.wake_all(&self.wakers);
    }

    /// Closes the productions without readers. A branch that comes later opens one at its own offset.
    pub(super) fn close_unwanted(&mut self, now: Option<Instant>, effects: &mut Effects<E>) {
        if !self.settings.can_replay {
            return;
        }
        let readers = &mut self.readers;
        let is_unwanted = |id: &&u64| readers_of(readers, **id).next().is_none();
        if let Some(&id) = self.productions.keys().find(is_unwanted) {
            self.close(id, now, effects);
            self.close_unwanted(now, effects);
        }
    }

    /// Ends a production that has reached what another one has already produced, and hands its readers over.
    pub(super) fn merge(&mut self, id: u64, now: Option<Instant>, effects: &mut Effects<E>) {
        let near = self.near();
        let Some(merged) = self
            .productions
            .get_mut(&id)
            .filter(|merged| merged.is_running())
        else {
            return;
        };
        let position = merged.position;
        if let (true, Some(length)) = (self.ended, self.length)
            && self.cache.holds(position..length)
        {
            merged.position = length;
            effects.drop_source(std::mem::replace(&mut merged.source, Source::Ended));
            // Others may wait for one production less.
            return effects.wake_all(&self.wakers);
        }
        let other = self.productions.values().find(|other| {
            other.id != id
                && !other.has_failed()
                && (position..=position + near).contains(&other.position)
                && self.cache.holds(position..other.position)
        });
        let Some(other) = other.map(|other| other.id) else {
            return;
        };
        self.unblock(id, now, false, effects);
        self.unblock(other, now, true, effects);
        for reader in readers_of(&mut self.readers, id) {
            reader.settle_in(other, now);
        }
        self.close(id, now, effects);
    }
}
