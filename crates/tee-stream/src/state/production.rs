//! Productions: which of them a branch reads from, when another one begins, and when one ends.

use std::{sync::Arc, task::Waker, time::Instant};

use super::{Effects, State, Step, account::Blocked};
use crate::{TeeError, wakers::Signal};

/// One production of the document, which stands at an offset.
#[derive(Debug)]
pub(crate) struct Production<P, E> {
    pub(crate) id: u64,
    /// The offset of the next byte that it yields.
    pub(crate) position: u64,
    pub(crate) source: Source<P, E>,
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
    pub(crate) fn new(id: u64, position: u64, source: Source<P, E>, signal: Arc<Signal>) -> Self {
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
}

impl<P, E> State<P, E> {
    #[inline]
    pub(super) fn production(&mut self, slot: usize) -> Option<&mut Production<P, E>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    fn productions(&self) -> impl Iterator<Item = (usize, &Production<P, E>)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, production)| Some((slot, production.as_ref()?)))
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &Production<P, E>)> {
        self.productions()
            .filter(|(_, production)| production.is_running())
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
        for production in self.slots.iter_mut().flatten() {
            production.tail = production.position;
        }
        for reader in self.readers.iter() {
            if let Some(Some(production)) = reader.home.and_then(|slot| self.slots.get_mut(slot)) {
                production.tail = production.tail.min(reader.offset);
            }
        }
    }

    /// Drops chunks that nobody needs until the cache is not full.
    pub(super) fn evict(&mut self, effects: &mut Effects<P, E>) {
        self.find_tails();
        while self.cache.is_full() {
            let productions = || self.slots.iter().flatten();
            let evicted = self.cache.evict(|chunk| {
                productions().any(|kept| kept.tail < chunk.end && chunk.start < kept.position)
            });
            match evicted {
                Some(chunk) => effects.drop_chunk(chunk),
                None => return,
            }
        }
    }

    /// Whether another production may begin at `offset`. All together may yield the document so often, but for one, which is
    /// left for those that begin anew.
    fn may_open(&self, offset: u64) -> bool {
        let most = self.settings.max_productions;
        let again = |from: u64| self.frontier - from.min(self.frontier);
        let ahead: u64 = self.running().map(|(_, other)| again(other.position)).sum();
        let times = if most > 2 { most - 1 } else { most };
        self.running().count() < most
            && self.produced + ahead + again(offset) <= self.frontier.saturating_mul(times as u64)
    }

    /// Whether a reader at `offset` can read on if it leaves this production.
    pub(super) fn has_elsewhere(&self, slot: usize, offset: u64) -> bool {
        let is_behind = |(other, production): (usize, &Production<P, E>)| {
            other != slot && production.position <= offset
        };
        self.may_open(offset) || self.running().any(is_behind)
    }

    /// The production that a reader at `offset` rides on until it gets there: the nearest one behind, unless that is far and
    /// another one may begin.
    pub(super) fn behind(&self, offset: u64) -> Option<usize> {
        let (slot, production) = self
            .running()
            .filter(|(_, production)| production.position <= offset)
            .max_by_key(|(_, production)| production.position)?;
        let is_near = offset - production.position <= self.cache.budget();
        (is_near || !self.may_open(offset)).then_some(slot)
    }

    /// The production to which the cache leads from `offset`, unless a reader there would hold others back at once.
    pub(super) fn reachable(&self, offset: u64) -> Option<usize> {
        let (slot, production) = self
            .productions()
            .filter(|(_, production)| {
                production.position >= offset && self.cache.holds(offset..production.position)
            })
            .min_by_key(|(_, production)| {
                let has_failed = matches!(production.source, Source::Failed(_));
                (has_failed, production.position)
            })?;
        let is_welcome = production.position - offset <= self.near()
            || production.tail <= offset
            || !production.is_running()
            || !self.settings.can_replay;
        is_welcome.then_some(slot)
    }

    /// What a branch does that no production keeps chunks for. `None` once one does.
    pub(super) fn seek(
        &mut self,
        index: usize,
        now: Option<Instant>,
        may_produce: bool,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) -> Option<Step<P, E>> {
        let offset = self.readers.get(index)?.offset;
        self.find_tails();
        if let Some(slot) = self.reachable(offset) {
            self.settle_in(index, slot, now, effects);
            return None;
        }
        if let Some(chunk) = self.read(index) {
            // It is not kept for this branch, but it is still here.
            self.readers.get_mut(index)?.stop_waiting(now);
            return Some(Step::Chunk(chunk));
        }
        if let Some(slot) = self.behind(offset) {
            self.settle_in(index, slot, now, effects);
            return None;
        }
        if !self.settings.can_replay {
            return Some(Step::Fail(TeeError::Unavailable { offset }));
        }
        if !may_produce {
            return Some(Step::Yield);
        }
        if !self.may_open(offset)
            && let Some((slot, nearest)) =
                self.running().min_by_key(|(_, running)| running.position)
        {
            // All are ahead. It waits for one to end, for as long as producing has taken, then the nearest begins anew here.
            let id = nearest.id;
            if self.settings.timed {
                let Some(now) = now else {
                    return Some(Step::ReadClock);
                };
                let earned = self.account.earned();
                let reader = self.readers.get_mut(index)?;
                let until = *reader.waits.get_or_insert(now) + earned;
                if now < until {
                    self.register(index, slot, id, waker, effects);
                    return Some(Step::WaitUntil(until));
                }
            }
            self.close(slot, now, effects);
        }
        Some(self.open(index, offset, now, effects))
    }

    /// Makes a branch a reader of a production, which keeps chunks for it from now on.
    pub(super) fn settle_in(
        &mut self,
        index: usize,
        slot: usize,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) {
        self.unblock(slot, now, true, effects);
        if let Some(reader) = self.readers.get_mut(index) {
            reader.settle_in(slot, now);
        }
    }

    fn open(
        &mut self,
        index: usize,
        offset: u64,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Step<P, E> {
        self.evict(effects);
        let id = self.opened;
        self.opened += 1;
        let signal = Signal::new(&self.wakers, id);
        let production = Some(Production::new(
            id,
            offset,
            Source::Taken,
            Arc::clone(&signal),
        ));
        let slot = match self.slots.iter().position(Option::is_none) {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[slot] = production;
        self.settle_in(index, slot, now, effects);
        // Those that were let go nearby ride on it.
        let near = offset..=offset.saturating_add(self.cache.budget());
        for reader in self.readers.iter_mut() {
            if reader.home.is_none() && reader.lagged.is_none() && near.contains(&reader.offset) {
                reader.settle_in(slot, now);
            }
        }
        self.close_unwanted(now, effects);
        // Others may ride on it.
        effects.wake_all(&self.wakers);
        Step::Open {
            slot,
            id,
            offset,
            signal,
        }
    }

    /// Closes a production. Its readers look for another one.
    fn close(&mut self, slot: usize, now: Option<Instant>, effects: &mut Effects<P, E>) {
        self.unblock(slot, now, false, effects);
        for reader in self.readers.of(slot) {
            reader.home = None;
        }
        if let Some(production) = self.slots.get_mut(slot).and_then(Option::take) {
            effects.drop_production(production);
        }
        // Others may wait for one production less.
        effects.wake_all(&self.wakers);
    }

    /// Closes the productions that have nobody left: whoever comes later opens another one where it is.
    pub(super) fn close_unwanted(&mut self, now: Option<Instant>, effects: &mut Effects<P, E>) {
        if !self.settings.can_replay {
            return;
        }
        for slot in 0..self.slots.len() {
            if self.slots[slot].is_some() && self.readers.of(slot).next().is_none() {
                self.close(slot, now, effects);
            }
        }
    }

    /// Ends a production that has reached what another one has already produced, and hands its readers over.
    pub(super) fn merge(&mut self, slot: usize, now: Option<Instant>, effects: &mut Effects<P, E>) {
        let Some(position) = self
            .production(slot)
            .filter(|merged| merged.is_running())
            .map(|merged| merged.position)
        else {
            return;
        };
        if let (true, Some(length)) = (self.ended, self.length)
            && self.cache.holds(position..length)
            && let Some(Some(production)) = self.slots.get_mut(slot)
        {
            production.position = length;
            if let Source::Idle(source) = std::mem::replace(&mut production.source, Source::Ended) {
                effects.drop_source(source);
            }
            // Others may wait for one production less.
            return effects.wake_all(&self.wakers);
        }
        let near = self.near();
        let other = self.productions().find(|(other, production)| {
            *other != slot
                && !matches!(production.source, Source::Failed(_))
                && (position..=position + near).contains(&production.position)
                && self.cache.holds(position..production.position)
        });
        let Some((other, _)) = other else { return };
        self.unblock(slot, now, false, effects);
        self.unblock(other, now, true, effects);
        for reader in self.readers.of(slot) {
            reader.settle_in(other, now);
        }
        self.close(slot, now, effects);
    }
}
