use std::task::Waker;

use bytes::Bytes;

use super::{
    State,
    cursor::{CursorId, Production},
    effects::Effects,
    reader::Place,
};
use crate::{
    TeeError,
    verification::{Mismatch, UnitHash},
};

/// The result of polling a production.
#[derive(Debug)]
pub(crate) enum Outcome<E> {
    /// A chunk that is not empty, and the hashes of the units that it completes.
    Chunk(Bytes, Vec<UnitHash>),
    /// The end, and the hash of what came after the last whole unit.
    End(Option<u64>),
    Failed(TeeError<E>),
    /// Nothing yet. It will wake nobody, so it must be polled again.
    Nothing,
}

impl<P, E> State<P, E> {
    /// Takes a production back with its result.
    pub(crate) fn deliver(
        &mut self,
        id: CursorId,
        production: P,
        outcome: Outcome<E>,
        effects: &mut Effects<P, E>,
    ) {
        let verdict = match outcome {
            Outcome::Chunk(chunk, hashes) => {
                self.accept(id, chunk, &hashes, effects).map(|()| false)
            }
            Outcome::End(remainder) => self.accept_end(id, remainder).map(|()| true),
            Outcome::Failed(error) => Err(error),
            Outcome::Nothing => Ok(false),
        };
        let Some(cursor) = self.cursors.get_mut(id) else {
            // The cursor was closed in the meantime.
            effects.drop_production(production);
            return;
        };
        if let Ok(false) = verdict {
            cursor.production = Production::Idle(production);
        } else {
            cursor.production = Production::Done;
            cursor.end = Some(verdict.map(|_| ()));
            effects.drop_production(production);
        }
        if std::mem::take(&mut cursor.waiting) {
            effects.wake(&cursor.signal);
        }
    }

    /// Takes a pending production back and registers the branch that polled it. False if the cursor is gone.
    pub(crate) fn suspend(
        &mut self,
        id: CursorId,
        production: P,
        index: usize,
        waker: &Waker,
        effects: &mut Effects<P, E>,
    ) -> bool {
        let Some(cursor) = self.cursors.get_mut(id) else {
            effects.drop_production(production);
            return false;
        };
        cursor.production = Production::Idle(production);
        self.register(index, id, waker, effects);
        if let Some(cursor) = self.cursors.get(id)
            && cursor.signal.woke_since()
        {
            // It woke while it was being polled, so whoever registered since missed that.
            effects.wake(&cursor.signal);
        }
        true
    }

    fn accept(
        &mut self,
        id: CursorId,
        chunk: Bytes,
        hashes: &[UnitHash],
        effects: &mut Effects<P, E>,
    ) -> Result<(), TeeError<E>> {
        let length = chunk.len();
        self.produced += length as u64;
        let Some(cursor) = self.cursors.get_mut(id) else {
            effects.drop_chunk(chunk);
            return Ok(());
        };
        let front = cursor.window.front() + length as u64;
        let compared = hashes
            .iter()
            .try_for_each(|hash| {
                self.hashes
                    .record(&mut cursor.unpaired, hash.unit, hash.hash)
            })
            .map_err(|Mismatch(offset)| offset);
        let differs = match (compared, self.length) {
            (Err(offset), _) => Some(offset),
            (Ok(()), Some(known)) if front > known => Some(known),
            _ => None,
        };
        if let Some(offset) = differs {
            effects.drop_chunk(chunk);
            return Err(TeeError::Diverged { offset });
        }
        cursor.window.push(chunk);
        self.frontier = self.frontier.max(front);
        self.held += length;
        self.held_peak = self.held_peak.max(self.held);
        let window = &mut cursor.window;
        let readers = &mut self.readers;
        cursor.ahead.retain(|&(index, offset)| {
            if !window.holds(offset) {
                return true;
            }
            if let Some(reader) = readers.get_mut(index) {
                reader.place = Place::Reading {
                    cursor: id,
                    sequence: window.enter(offset),
                };
            }
            false
        });
        Ok(())
    }

    fn accept_end(&mut self, id: CursorId, remainder: Option<u64>) -> Result<(), TeeError<E>> {
        let Some(cursor) = self.cursors.get(id) else {
            return Ok(());
        };
        let front = cursor.window.front();
        if self.length.is_some_and(|length| length != front) || self.frontier > front {
            return Err(TeeError::Diverged { offset: front });
        }
        if let Some(hash) = remainder {
            self.hashes
                .record_remainder(front, hash)
                .map_err(|Mismatch(offset)| TeeError::Diverged { offset })?;
        }
        self.length = Some(front);
        self.completed += 1;
        Ok(())
    }
}
