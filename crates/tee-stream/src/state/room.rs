use std::time::Instant;

use super::State;
use crate::{
    AfterPatience,
    cursor::{Blocked, CursorId},
    effects::Effects,
    reader::Place,
};

/// Whether a cursor may produce another chunk.
pub(super) enum Room {
    Free,
    /// Not before a reader moves on, or this time has come.
    Wait(Option<Instant>),
    NeedTime,
}

impl<P, E> State<P, E> {
    /// Makes room for a chunk: gives up what nobody needs, then those for whom patience is spent.
    pub(super) fn make_room(
        &mut self,
        id: CursorId,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Room {
        loop {
            if self.evict(id, effects) {
                return Room::Free;
            }
            if self.settings.timed && now.is_none() {
                return Room::NeedTime;
            }
            let Some(cursor) = self.cursors.get_mut(id) else {
                return Room::Free;
            };
            if let Some(Blocked {
                deadline,
                stale: false,
                ..
            }) = cursor.blocked
                && now
                    .zip(deadline)
                    .is_none_or(|(now, deadline)| now < deadline)
            {
                return Room::Wait(deadline);
            }
            let since = cursor.blocked.map_or(now, |blocked| blocked.since);
            let (released, deadline) = self.cut_loose(id, since, now);
            let Some(cursor) = self.cursors.get_mut(id) else {
                return Room::Free;
            };
            if !released {
                cursor.blocked = Some(Blocked {
                    since,
                    deadline,
                    stale: false,
                });
                return Room::Wait(deadline);
            }
            cursor.blocked = None;
            effects.wake(&cursor.signal);
        }
    }

    /// Gives up chunks that nobody needs until there is room. False when the oldest is still needed.
    fn evict(&mut self, id: CursorId, effects: &mut Effects<P, E>) -> bool {
        let Some(cursor) = self.cursors.get_mut(id) else {
            return true;
        };
        while cursor.window.bytes() >= self.settings.window
            || cursor.window.chunks() >= self.settings.window_chunks
        {
            match cursor.window.evict() {
                Some(chunk) => {
                    self.held -= chunk.len();
                    effects.drop_chunk(chunk);
                }
                None => return false,
            }
        }
        true
    }

    /// Cuts those loose that hold the window back and for whom patience is spent.
    ///
    /// Returns whether that leaves the oldest chunk without readers, and else when to look again.
    fn cut_loose(
        &mut self,
        id: CursorId,
        since: Option<Instant>,
        now: Option<Instant>,
    ) -> (bool, Option<Instant>) {
        let Some(cursor) = self.cursors.get(id) else {
            return (false, None);
        };
        let here = Place::Reading {
            cursor: id,
            sequence: cursor.window.base_sequence(),
        };
        let front = cursor.window.front();
        let elsewhere = self.has_elsewhere(id, cursor.window.base());
        let mut deadline: Option<Instant> = None;
        let mut released = false;
        for reader in self
            .readers
            .iter_mut()
            .filter(|reader| reader.place == here)
        {
            if std::mem::take(&mut reader.fresh) {
                reader.here_since = now;
            }
            let Some(limit) = reader.limit else { continue };
            let waited = reader.kept_waiting(since, now);
            let moves = reader.then == AfterPatience::Replay && self.settings.can_replay;
            let spent = reader.spent.saturating_add(waited);
            let mut left = limit.saturating_sub(spent);
            if left.is_zero() && moves && !elsewhere {
                // The last group: its readers ride together, and only one that has stalled is left behind.
                left = self.settings.ride_limit.max(limit).saturating_sub(waited);
            }
            if !left.is_zero() {
                let until = now.and_then(|now| now.checked_add(left));
                deadline = deadline.into_iter().chain(until).min();
                continue;
            }
            reader.charge(since, now);
            reader.place = if moves {
                Place::Adrift
            } else {
                Place::Lagged { front }
            };
            if let Some(cursor) = self.cursors.get_mut(id) {
                cursor.readers -= 1;
                released |= cursor.window.leave(cursor.window.base_sequence());
            }
        }
        (released, deadline)
    }

    /// Whether a branch at `offset` that leaves this cursor can go on without keeping more than the maximum of productions
    /// busy: those that already ran to the end count, so that no byte is produced more often than that for readers that
    /// are merely slow.
    fn has_elsewhere(&self, id: CursorId, offset: u64) -> bool {
        let running = self
            .cursors
            .iter()
            .filter(|cursor| cursor.end.is_none())
            .count();
        running + self.completed < self.settings.maximum_cursors
            || self.cursors.iter().any(|cursor| {
                cursor.id != id
                    && cursor.window.base() <= offset
                    && (cursor.end.is_none() || cursor.window.holds(offset))
            })
    }

    /// Whether a branch waits for room, and others are being charged for that.
    pub(super) fn keeps_waiting(&mut self, index: usize) -> bool {
        let waits_for = self
            .readers
            .get_mut(index)
            .and_then(|reader| reader.waits_for_room);
        waits_for
            .and_then(|id| self.cursors.get(id))
            .is_some_and(|cursor| cursor.blocked.is_some())
    }

    /// Takes note that a branch does not wait for room any longer, or not yet again.
    pub(super) fn stop_waiting(&mut self, index: usize) -> Option<CursorId> {
        let id = self.readers.get_mut(index)?.waits_for_room.take()?;
        let cursor = self.cursors.get_mut(id)?;
        cursor.room_waiters -= 1;
        Some(id)
    }

    /// Ends the charging of those who hold a cursor back when nobody waits for them any longer.
    pub(super) fn settle(&mut self, id: Option<CursorId>, now: Option<Instant>) {
        let Some(cursor) = id.and_then(|id| self.cursors.get_mut(id)) else {
            return;
        };
        if cursor.room_waiters > 0 {
            return;
        }
        let Some(blocked) = cursor.blocked.take() else {
            return;
        };
        let here = Place::Reading {
            cursor: cursor.id,
            sequence: cursor.window.base_sequence(),
        };
        for reader in self
            .readers
            .iter_mut()
            .filter(|reader| reader.place == here)
        {
            reader.charge(blocked.since, now);
        }
    }
}
