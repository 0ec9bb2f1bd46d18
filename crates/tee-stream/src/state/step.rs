//! What a branch that is polled does next, and what becomes of a production that it polled.

use std::{task::Waker, time::Instant};

use bytes::Bytes;

use super::{
    Effects, State, Step,
    account::between,
    production::{Production, Source},
};
use crate::{
    TeeError,
    source::{Outcome, Producer},
};

impl<E> State<E> {
    /// The fast path of nearly every poll: the chunk is there, and reading it concerns nobody else.
    ///
    /// `None` means that [`step`](Self::step) decides.
    #[inline]
    pub(crate) fn take(&mut self, index: usize) -> Option<Bytes> {
        let reader = self.readers.get(index)?;
        let production = self.productions.get(&reader.home?)?;
        if self.poisoned || production.blocked.is_some() || reader.offset >= production.position {
            return None;
        }
        self.read(index)
    }

    /// Reads the next chunk of a branch, if it is in the cache.
    #[inline]
    pub(super) fn read(&mut self, index: usize) -> Option<Bytes> {
        let reader = self.readers.get_mut(index)?;
        let chunk = self.cache.get(reader.offset)?;
        reader.offset += chunk.len() as u64;
        reader.idle = None;
        Some(chunk)
    }

    /// Decides what a branch that is polled does next.
    ///
    /// `may_produce` is false once the branch has polled a production in this poll, so that one poll does one chunk's work.
    pub(crate) fn step(
        &mut self,
        index: usize,
        now: Option<Instant>,
        may_produce: bool,
        waker: &Waker,
        effects: &mut Effects<E>,
    ) -> Step<E> {
        if self.poisoned {
            return Step::Fail(TeeError::Poisoned);
        }
        let lead = (self.cache.budget() / 4).max(1);
        let is_blocked = |production: &Production<E>| production.blocked.is_some();
        loop {
            let Some(reader) = self.readers.get_mut(index) else {
                return Step::End;
            };
            // Any wait may end here, and is charged then.
            let is_waiting = reader.waits.is_some() || self.productions.values().any(is_blocked);
            if is_waiting && self.settings.timed && now.is_none() {
                return Step::ReadClock;
            }
            let offset = reader.offset;
            if let Some(front) = reader.lagged {
                return Step::Fail(TeeError::Lagged { offset, front });
            }
            if self.ended && self.length == Some(offset) {
                return Step::End;
            }
            let home = reader.home.and_then(|home| self.productions.get_mut(&home));
            let Some(production) = home else {
                match self.seek(index, now, may_produce, waker, effects) {
                    None => continue,
                    Some(step) => return step,
                }
            };
            let id = production.id;
            if offset < production.position {
                let is_waited_for = production
                    .blocked
                    .as_ref()
                    .is_some_and(|blocked| offset < blocked.end);
                if production.blocked.is_some()
                    && !is_waited_for
                    && offset - reader.leads_from >= lead
                {
                    // The readers that others wait for go first.
                    reader.leads_from = offset;
                    return Step::Yield;
                }
                self.move_on(index, now, effects);
                return match self.read(index) {
                    Some(chunk) => Step::Chunk(chunk),
                    None => Step::Fail(TeeError::Unavailable { offset }),
                };
            }
            match &production.source {
                Source::Failed(error) if offset == production.position => {
                    return Step::Fail(error.clone());
                }
                // Ahead of a production that will never get here.
                Source::Ended | Source::Failed(_) => {
                    reader.home = None;
                    continue;
                }
                Source::Taken => {
                    self.register(index, id, waker, effects);
                    return Step::Wait;
                }
                Source::Idle(_) => {}
            }
            if !may_produce {
                return Step::Yield;
            }
            if !production.pending
                && let Some(step) = self.make_space(index, id, now, effects)
            {
                if let Step::Wait | Step::WaitUntil(_) = step {
                    self.register(index, id, waker, effects);
                }
                return step;
            }
            let (Some(reader), Some(production)) =
                (self.readers.get_mut(index), self.productions.get_mut(&id))
            else {
                continue;
            };
            if production.tail < production.position && offset - reader.leads_from >= lead {
                reader.leads_from = offset;
                return Step::Yield;
            }
            if let Source::Idle(source) = std::mem::replace(&mut production.source, Source::Taken) {
                let is_timed = self.settings.timed && self.readers.len() > 1;
                return Step::Produce {
                    id,
                    source,
                    is_timed,
                };
            }
        }
    }

    /// Registers the waker of a branch with a production.
    pub(super) fn register(
        &mut self,
        index: usize,
        id: u64,
        waker: &Waker,
        effects: &mut Effects<E>,
    ) {
        if let Some(production) = self.productions.get_mut(&id) {
            production.waiting = true;
        }
        if let Some(reader) = self.readers.get_mut(index) {
            reader.leads_from = reader.offset;
        }
        effects.drop_waker(self.wakers.register(index, id, waker));
    }

    /// Takes a production back, with what it yielded when it was polled from `started` on.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        id: u64,
        source: Box<Producer<E>>,
        outcome: Outcome<E>,
        (started, now): (Option<Instant>, Option<Instant>),
        effects: &mut Effects<E>,
    ) {
        if let Outcome::Chunk(chunk) = &outcome {
            self.produced += chunk.len() as u64;
        }
        let Some(production) = self.productions.get_mut(&id) else {
            // It was closed in the meantime.
            match outcome {
                Outcome::Chunk(chunk) => effects.drop_chunk(chunk),
                Outcome::Failed(error) => effects.drop_source(Source::Failed(error)),
                Outcome::End | Outcome::Nothing => {}
            }
            return effects.drop_source(Source::Idle(source));
        };
        self.account.produced_for += between(production.started.take().or(started), now);
        production.pending = false;
        let position = production.position;
        let end = match outcome {
            Outcome::Nothing => None,
            Outcome::Chunk(chunk) => {
                let front = position + chunk.len() as u64;
                match self.length {
                    Some(known) if front > known => {
                        effects.drop_chunk(chunk);
                        Some(Source::Failed(TeeError::Diverged { offset: known }))
                    }
                    _ => {
                        production.position = front;
                        self.frontier = self.frontier.max(front);
                        self.cache.insert(position, chunk);
                        None
                    }
                }
            }
            Outcome::End if self.length.unwrap_or(position.max(self.frontier)) != position => {
                Some(Source::Failed(TeeError::Diverged { offset: position }))
            }
            Outcome::End => {
                self.length = Some(position);
                self.ended = true;
                Some(Source::Ended)
            }
            Outcome::Failed(error) => Some(Source::Failed(error)),
        };
        match end {
            None => {
                production.source = Source::Idle(source);
                effects.wake(&self.wakers, production);
            }
            Some(end) => {
                production.source = end;
                effects.drop_source(Source::Idle(source));
                // Others may wait for one production less.
                effects.wake_all(&self.wakers);
            }
        }
        if self.productions.len() > 1 || self.ended {
            self.merge(id, now, effects);
        }
    }

    /// Takes a pending production back and registers the branch that polled it. False if the production is gone.
    pub(crate) fn suspend(
        &mut self,
        id: u64,
        source: Box<Producer<E>>,
        index: usize,
        started: Option<Instant>,
        waker: &Waker,
        effects: &mut Effects<E>,
    ) -> bool {
        let Some(production) = self.productions.get_mut(&id) else {
            effects.drop_source(Source::Idle(source));
            return false;
        };
        production.source = Source::Idle(source);
        production.pending = true;
        production.started = production.started.or(started);
        self.register(index, id, waker, effects);
        if self.productions[&id].signal.woke_since() {
            // It woke while it was being polled, so whoever registered since missed that.
            effects.wake_all(&self.wakers);
        }
        true
    }
}
