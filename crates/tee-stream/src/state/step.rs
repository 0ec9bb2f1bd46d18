use std::{sync::Arc, task::Waker, time::Instant};

use bytes::Bytes;

use super::{
    State, Step,
    backpressure::WindowSpace,
    cursor::{CursorId, Production},
    effects::Effects,
    reader::Place,
};
use crate::{TeeError, signal::Signal};

impl<P, E> State<P, E> {
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
        if self.settings.timed && now.is_none() && self.keeps_waiting(index) {
            return Step::NeedTime;
        }
        let waited = self.stop_waiting(index);
        let step = match self.read(index, now, effects) {
            Some(step) => step,
            None => self.step_without_chunk(index, now, may_produce, waker, effects),
        };
        self.settle(waited, now);
        step
    }

    /// The fast path of nearly every poll: the chunk is there, and reading it concerns nobody else.
    ///
    /// `None` means that [`step`](Self::step) decides.
    pub(crate) fn take(&mut self, index: usize) -> Option<Bytes> {
        let reader = self.readers.get_mut(index)?;
        let Place::Reading {
            cursor: id,
            sequence,
        } = reader.place
        else {
            return None;
        };
        let cursor = self.cursors.get_mut(id)?;
        let waited_for = cursor.space_waiters > 0 && sequence == cursor.window.base_sequence();
        if self.poisoned || waited_for || reader.waits_for_space.is_some() {
            return None;
        }
        let chunk = cursor.window.read(sequence, reader.offset)?;
        cursor.window.advance(sequence);
        reader.reads(&chunk);
        Some(chunk)
    }

    /// Reads the next chunk of a branch, if it is there.
    fn read(
        &mut self,
        index: usize,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Option<Step<P, E>> {
        let reader = self.readers.get_mut(index)?;
        let Place::Reading {
            cursor: id,
            sequence,
        } = reader.place
        else {
            return None;
        };
        let cursor = self.cursors.get_mut(id)?;
        let chunk: Bytes = cursor.window.read(sequence, reader.offset)?;
        if cursor.blocked.is_some() && sequence == cursor.window.base_sequence() {
            if self.settings.timed && now.is_none() && cursor.window.readers_at_base() == 1 {
                return Some(Step::NeedTime);
            }
            if cursor.reader_moves_on(index, reader, sequence, now) {
                effects.wake(&cursor.signal);
            }
        }
        if cursor.window.advance(sequence) && cursor.space_waiters > 0 {
            cursor.blocked = None;
            effects.wake(&cursor.signal);
        }
        reader.reads(&chunk);
        Some(Step::Chunk(chunk))
    }

    fn step_without_chunk(
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
            let id = match reader.place {
                Place::Lagged { front } => return Step::Fail(TeeError::Lagged { offset, front }),
                Place::Reading { cursor, .. } | Place::Ahead { cursor }
                    if self.cursors.get(cursor).is_some() =>
                {
                    cursor
                }
                _ => {
                    reader.place = Place::Detached;
                    match self.attach(index, may_produce, effects) {
                        None => match self.read(index, now, effects) {
                            Some(step) => return step,
                            None => continue,
                        },
                        Some(step) => return step,
                    }
                }
            };
            if self.join_further_cursor(index, id, now, effects) {
                if let Some(step) = self.read(index, now, effects) {
                    return step;
                }
                continue;
            }
            let Some(cursor) = self.cursors.get_mut(id) else {
                continue;
            };
            match &cursor.end {
                Some(Ok(())) if offset == cursor.window.front() => return Step::End,
                Some(Err(error)) if offset == cursor.window.front() => {
                    return Step::Fail(error.clone());
                }
                Some(_) => {
                    // Ahead of a production that will never get here.
                    self.detach(index, Place::Detached, now, effects);
                    continue;
                }
                None => {}
            }
            if !matches!(cursor.production, Production::Idle(_)) {
                self.register(index, id, waker, effects);
                return Step::Wait;
            }
            if !may_produce {
                // Also before a reader is cut loose: whoever was just given a chunk gets a chance to read it.
                return self.give_way(index);
            }
            return match self.make_space(index, id, now, effects) {
                WindowSpace::NeedTime => Step::NeedTime,
                WindowSpace::GiveWay => {
                    self.start_waiting(index, id);
                    self.give_way(index)
                }
                WindowSpace::Free => self.produce(index, id),
                WindowSpace::Wait(deadline) => {
                    self.register(index, id, waker, effects);
                    self.start_waiting(index, id);
                    deadline.map_or(Step::Wait, Step::WaitUntil)
                }
            };
        }
    }

    fn give_way(&mut self, index: usize) -> Step<P, E> {
        if let Some(reader) = self.readers.get_mut(index) {
            reader.led = 0;
        }
        Step::Yield
    }

    /// Gives the production to this branch, unless it is time to let others run.
    fn produce(&mut self, index: usize, id: CursorId) -> Step<P, E> {
        let (Some(reader), Some(cursor)) = (self.readers.get_mut(index), self.cursors.get_mut(id))
        else {
            return Step::Yield;
        };
        let others_behind = cursor.readers > cursor.window.readers_at_front() + cursor.ahead.len();
        if reader.led >= self.settings.lead && others_behind {
            return self.give_way(index);
        }
        match std::mem::replace(&mut cursor.production, Production::Taken) {
            Production::Idle(production) => {
                reader.leading = true;
                Step::Produce {
                    cursor: id,
                    production,
                }
            }
            other => {
                cursor.production = other;
                Step::Yield
            }
        }
    }

    /// Registers the waker of a branch with its cursor.
    pub(super) fn register(
        &mut self,
        index: usize,
        id: CursorId,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) {
        let (Some(reader), Some(cursor)) = (self.readers.get_mut(index), self.cursors.get_mut(id))
        else {
            return;
        };
        reader.led = 0;
        cursor.waiting = true;
        let signal: &Arc<Signal> = &cursor.signal;
        effects.drop_waker(signal.register(&mut reader.registration, waker));
    }
}
