use std::{sync::Arc, task::Waker, time::Instant};

use bytes::Bytes;

use super::{Effects, State, Step, account::between, production::Source, waiting::Space};
use crate::{TeeError, signal::Signal};

/// What came of polling a production.
#[derive(Debug)]
pub(crate) enum Outcome<E> {
    Chunk(Bytes),
    End,
    Failed(TeeError<E>),
    /// Nothing yet. It must be polled again.
    Nothing,
}

impl<P, E> State<P, E> {
    /// The fast path of nearly every poll: the chunk is there, and reading it concerns nobody else.
    ///
    /// `None` means that [`step`](Self::step) decides.
    #[inline]
    pub(crate) fn take(&mut self, index: usize) -> Option<Bytes> {
        let reader = self.readers.get_mut(index)?;
        let production = self.slots.get(reader.home?)?.as_ref()?;
        let is_waited_for = production
            .blocked
            .as_ref()
            .is_some_and(|blocked| blocked.chunk.contains(&reader.offset));
        let at_the_front = reader.offset >= production.position;
        if self.poisoned || is_waited_for || at_the_front || reader.waits.is_some() {
            return None;
        }
        let chunk = self.cache.get(reader.offset)?;
        reader.reads(&chunk);
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
        effects: &mut Effects<P, E>,
    ) -> Step<P, E> {
        if self.poisoned {
            return Step::Fail(TeeError::Poisoned);
        }
        let before = self
            .readers
            .get_mut(index)
            .and_then(|reader| reader.waits.take());
        let step = self.next(index, now, may_produce, waker, effects);
        let let_go_at = self.let_go_at;
        let Some(reader) = self.readers.get_mut(index) else {
            return step;
        };
        let waits = reader.waits.map(|(slot, _)| slot);
        let waited = before.map(|(slot, _)| slot);
        if waits == waited {
            reader.waits = before;
            return step;
        }
        if let Some(before) = before {
            let waits = reader.waits.replace(before);
            reader.stops_waiting(now, let_go_at);
            reader.waits = waits;
        }
        if let Some(Some(production)) = waits.map(|slot| self.production(slot)) {
            production.space_waiters += 1;
        }
        if let Some(slot) = waited {
            self.leave_queue(slot, now);
        }
        step
    }

    /// One branch less waits for space at a production.
    pub(super) fn leave_queue(&mut self, slot: usize, now: Option<Instant>) {
        if let Some(production) = self.production(slot) {
            production.space_waiters = production.space_waiters.saturating_sub(1);
            if production.space_waiters == 0 {
                self.nobody_waits(slot, now);
            }
        }
    }

    /// Reads the next chunk of a branch, if it is there.
    pub(super) fn read(
        &mut self,
        index: usize,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Option<Bytes> {
        let chunk = self.cache.get(self.readers.get(index)?.offset)?;
        self.move_on(index, now, effects);
        self.readers.get_mut(index)?.reads(&chunk);
        Some(chunk)
    }

    fn next(
        &mut self,
        index: usize,
        now: Option<Instant>,
        may_produce: bool,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) -> Step<P, E> {
        loop {
            let Some(reader) = self.readers.get_mut(index) else {
                return Step::End;
            };
            let offset = reader.offset;
            if let Some(front) = reader.lagged {
                return Step::Fail(TeeError::Lagged { offset, front });
            }
            let Some(slot) = reader.home else {
                match self.find_home(index, now, may_produce, waker, effects) {
                    None => continue,
                    Some(step) => return step,
                }
            };
            let Some(Some(production)) = self.slots.get(slot) else {
                reader.home = None;
                continue;
            };
            if offset < production.position {
                if let Some(chunk) = self.read(index, now, effects) {
                    return Step::Chunk(chunk);
                }
                debug_assert!(false, "a chunk of a reader was dropped");
                return Step::Fail(TeeError::Unavailable { offset });
            }
            match &production.source {
                Source::Ended if offset == production.position => return Step::End,
                Source::Failed(error) if offset == production.position => {
                    return Step::Fail(error.clone());
                }
                // Ahead of a production that will never get here.
                Source::Ended | Source::Failed(_) => {
                    reader.home = None;
                    continue;
                }
                Source::Taken => {
                    self.register(index, slot, waker, effects);
                    return Step::Wait;
                }
                Source::Idle(_) => {}
            }
            let is_pending = production.pending;
            if !may_produce {
                // Also before a reader is let go: whoever was just given a chunk gets a chance to read it.
                reader.led = 0;
                return Step::Yield;
            }
            let space = if is_pending {
                Space::Free
            } else {
                self.make_space(index, slot, now, effects)
            };
            match space {
                Space::Free => return self.produce(index, slot, now),
                Space::GiveWay => {
                    self.wait_for_space(index, slot, now);
                    return Step::Yield;
                }
                Space::Wait(deadline) => {
                    self.register(index, slot, waker, effects);
                    self.wait_for_space(index, slot, now);
                    return deadline.map_or(Step::Wait, Step::WaitUntil);
                }
            }
        }
    }

    fn wait_for_space(&mut self, index: usize, slot: usize, now: Option<Instant>) {
        if let Some(reader) = self.readers.get_mut(index) {
            reader.waits = Some((slot, now));
            reader.led = 0;
        }
    }

    /// Gives the production to this branch, unless it is time to let others run.
    fn produce(&mut self, index: usize, slot: usize, now: Option<Instant>) -> Step<P, E> {
        let (Some(reader), Some(Some(production))) =
            (self.readers.get_mut(index), self.slots.get_mut(slot))
        else {
            return Step::Yield;
        };
        if reader.led >= self.settings.lead && production.tail < production.position {
            reader.led = 0;
            return Step::Yield;
        }
        match std::mem::replace(&mut production.source, Source::Taken) {
            Source::Idle(source) => {
                reader.leading = true;
                production.started = production.started.or(now);
                Step::Produce {
                    slot,
                    id: production.id,
                    source,
                }
            }
            other => {
                production.source = other;
                Step::Yield
            }
        }
    }

    /// Registers the waker of a branch with a production.
    pub(super) fn register(
        &mut self,
        index: usize,
        slot: usize,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) {
        let (Some(reader), Some(Some(production))) =
            (self.readers.get_mut(index), self.slots.get_mut(slot))
        else {
            return;
        };
        reader.led = 0;
        production.waiting = true;
        let signal: &Arc<Signal> = &production.signal;
        effects.drop_waker(signal.register(index, waker));
        match reader.registered.replace(Arc::clone(signal)) {
            Some(before) if !Arc::ptr_eq(&before, signal) => {
                effects.drop_waker(before.withdraw(index));
            }
            _ => {}
        }
    }

    fn taken(&mut self, slot: usize, id: u64) -> bool {
        self.production(slot).is_some_and(|production| {
            production.id == id && matches!(production.source, Source::Taken)
        })
    }

    /// Takes a production back, with what it yielded.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        (slot, id): (usize, u64),
        source: P,
        outcome: Outcome<E>,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) {
        if let Outcome::Chunk(chunk) = &outcome {
            self.produced += chunk.len() as u64;
        }
        if !self.taken(slot, id) {
            // It was closed in the meantime.
            effects.drop_source(source);
            if let Outcome::Chunk(chunk) = outcome {
                effects.drop_chunk(chunk);
            }
            return;
        }
        let Some(Some(production)) = self.slots.get_mut(slot) else {
            return;
        };
        self.account.earn(between(production.started.take(), now));
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
        production.source = if let Some(end) = end {
            effects.drop_source(source);
            end
        } else {
            Source::Idle(source)
        };
        if std::mem::take(&mut production.waiting) {
            effects.wake(&production.signal);
        }
        self.merge(now, effects);
    }

    /// Takes a pending production back and registers the branch that polled it. False if the production is gone.
    pub(crate) fn suspend(
        &mut self,
        (slot, id): (usize, u64),
        source: P,
        index: usize,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) -> bool {
        if !self.taken(slot, id) {
            effects.drop_source(source);
            return false;
        }
        self.register(index, slot, waker, effects);
        if let Some(production) = self.production(slot) {
            production.source = Source::Idle(source);
            production.pending = true;
            if production.signal.woke_since() {
                // It woke while it was being polled, so whoever registered since missed that.
                effects.wake(&production.signal);
            }
        }
        true
    }
}
