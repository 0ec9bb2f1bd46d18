use std::{sync::Arc, time::Instant};

use super::{
    State, Step,
    cursor::{Cursor, CursorId, Production},
    effects::Effects,
    reader::Place,
};
use crate::{TeeError, signal::Signal};

impl<P, E> State<P, E> {
    /// Finds a cursor for a branch that has none: one whose window holds its offset, else one that will soon get there, else
    /// a new one, else the nearest one behind. If all are ahead, closes the rearmost, for a new one.
    ///
    /// Returns `None` once the branch is at a cursor, or ahead of one; else what the branch does first.
    pub(super) fn attach(
        &mut self,
        index: usize,
        may_produce: bool,
        effects: &mut Effects<P, E>,
    ) -> Option<Step<P, E>> {
        if self.enter_window(index, effects) {
            return None;
        }
        let Some(reader) = self.readers.get_mut(index) else {
            return Some(Step::End);
        };
        let offset = reader.offset;
        if self.completed > 0 && self.length == Some(offset) {
            return Some(Step::End);
        }
        let full = self.cursors.open() >= self.settings.maximum_cursors;
        let near = offset.saturating_sub(self.settings.window as u64);
        let behind = self
            .cursors
            .iter_mut()
            .filter(|cursor| cursor.end.is_none() && cursor.window.front() < offset)
            .max_by_key(|cursor| cursor.window.front());
        if let Some(cursor) = behind
            && (full || cursor.window.front() >= near)
        {
            cursor.readers += 1;
            cursor.ahead.push((index, offset));
            reader.place = Place::Ahead { cursor: cursor.id };
            return None;
        }
        if !self.settings.can_replay {
            return Some(Step::Fail(TeeError::Unavailable { offset }));
        }
        if !may_produce {
            return Some(Step::Yield);
        }
        if full {
            let rearmost = self
                .cursors
                .iter()
                .min_by_key(|cursor| (cursor.readers > 0, cursor.window.front()));
            if let Some(id) = rearmost.map(|cursor| cursor.id) {
                self.close(id, effects);
            }
        }
        Some(self.open(index, offset))
    }

    fn open(&mut self, index: usize, offset: u64) -> Step<P, E> {
        let signal = Signal::new();
        let cursor = self
            .cursors
            .insert(offset, Production::Taken, Arc::clone(&signal));
        cursor.readers = 1;
        let id = cursor.id;
        let sequence = cursor.window.enter(offset);
        if let Some(reader) = self.readers.get_mut(index) {
            reader.place = Place::Reading {
                cursor: id,
                sequence,
            };
            reader.leading = true;
        }
        Step::Open {
            cursor: id,
            block_start: self.hashes.block_start(offset),
            offset,
            signal,
        }
    }

    /// Moves a branch to the furthest cursor whose window holds its offset, if there is one.
    pub(super) fn enter_window(&mut self, index: usize, effects: &mut Effects<P, E>) -> bool {
        let Some(reader) = self.readers.get_mut(index) else {
            return false;
        };
        let offset = reader.offset;
        let furthest = self
            .cursors
            .iter()
            .filter(|cursor| cursor.window.holds(offset))
            .max_by_key(|cursor| {
                (
                    cursor.end.is_none() || cursor.window.front() > offset,
                    cursor.window.front(),
                )
            });
        let Some(id) = furthest.map(|cursor| cursor.id) else {
            return false;
        };
        self.enter(index, id, effects);
        true
    }

    fn enter(&mut self, index: usize, id: CursorId, effects: &mut Effects<P, E>) {
        let (Some(reader), Some(cursor)) = (self.readers.get_mut(index), self.cursors.get_mut(id))
        else {
            return;
        };
        let sequence = cursor.window.enter(reader.offset);
        cursor.readers += 1;
        reader.place = Place::Reading {
            cursor: id,
            sequence,
        };
        reader.fresh = false;
        reader.here_since = None;
        reader.has_read = true;
        if let Some(blocked) = &mut cursor.blocked
            && sequence == cursor.window.base_sequence()
        {
            // It now holds the window back too, but others have not waited for it so far.
            reader.fresh = true;
            blocked.stale = true;
            effects.wake(&cursor.signal);
        }
    }

    /// Moves a branch at the front of its cursor to another one that is further. Cursors that meet merge in this way.
    ///
    /// Only to the newer half of that window: a slow branch that joined at its end would hold it back at once. And only if both
    /// windows hold what the branch read of the unfinished block, and agree: nothing would compare it later.
    pub(super) fn join_further_cursor(
        &mut self,
        index: usize,
        from: CursorId,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> bool {
        if self.cursors.open() < 2
            || self
                .cursors
                .get(from)
                .is_none_or(|cursor| cursor.end.is_some())
        {
            return false;
        }
        let Some(reader) = self.readers.get_mut(index) else {
            return false;
        };
        let (offset, ahead) = (reader.offset, matches!(reader.place, Place::Ahead { .. }));
        let unchecked_from = self.hashes.block_start(offset);
        let here = self.cursors.get(from);
        let agrees = |cursor: &Cursor<P, E>| {
            here.is_some_and(|here| {
                let read_here = unchecked_from.max(here.opened_at).min(offset);
                ahead
                    || !self.settings.can_replay
                    || here.window.agrees(&cursor.window, read_here..offset)
            })
        };
        let to = self.cursors.iter().find(|cursor| {
            let (base, front) = (cursor.window.base(), cursor.window.front());
            let further = front > offset
                || (front == offset && (ahead || cursor.id.generation < from.generation));
            let newer_half =
                offset >= base + (front - base) / 2 || matches!(cursor.end, Some(Ok(())));
            cursor.id != from
                && cursor.window.holds(offset)
                && further
                && newer_half
                && !matches!(cursor.end, Some(Err(_)))
                && agrees(cursor)
        });
        let Some(to) = to.map(|cursor| cursor.id) else {
            return false;
        };
        self.detach(index, Place::Detached, now, effects);
        self.enter(index, to, effects);
        true
    }
}
