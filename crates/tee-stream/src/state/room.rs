use std::time::{Duration, Instant};

use super::State;
use crate::{
    AfterPatience,
    cursor::{Blocked, CursorId},
    effects::Effects,
    reader::Place,
};

/// The shortest wait: still longer than a healthy reader is kept from running, most of the time.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// How long one wait may be for a branch with this limit which can go on elsewhere, after so many waits in vain: half as long
/// each time. Many that stall one after another, each out of the others' window, so cost little more than twice what one
/// costs, and not as many times as there are of them.
fn shortened(limit: Duration, waits_in_vain: u32) -> Duration {
    let divisor = 1_u32.checked_shl(waits_in_vain).unwrap_or(u32::MAX);
    (limit / divisor).max(SHORTEST_WAIT.min(limit))
}

/// Whether a cursor may produce another chunk.
pub(super) enum Room {
    Free,
    /// Not before a reader moves on, or this time has come.
    Wait(Option<Instant>),
    /// Before somebody is cut loose, let others run once: those who are merely not scheduled get a chance to read.
    GiveWay,
    NeedTime,
}

impl<P, E> State<P, E> {
    /// Makes room for a chunk of this branch: gives up what nobody needs, then those for whom patience is spent.
    pub(super) fn make_room(
        &mut self,
        index: usize,
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
            let (Some(reader), Some(cursor)) =
                (self.readers.get_mut(index), self.cursors.get_mut(id))
            else {
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
            let base = cursor.window.base_sequence();
            let gave_way = reader.gave_way.replace((id, base)) == Some((id, base));
            let (left, patient) = self.patience_left(id, since, now);
            match left {
                Some(Duration::ZERO) if gave_way => self.cut_loose(id, since, now, effects),
                Some(Duration::ZERO) => return Room::GiveWay,
                left => {
                    let deadline = left.and_then(|left| now?.checked_add(left));
                    if let Some(cursor) = self.cursors.get_mut(id) {
                        if cursor.blocked.is_none() {
                            self.readers.begin_wait(id);
                        }
                        cursor.blocked = Some(Blocked {
                            since,
                            deadline,
                            patient,
                            stale: false,
                        });
                    }
                    return Room::Wait(deadline);
                }
            }
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

    /// How much longer to wait for those who hold the window back, `None` for ever, and for which of them that long.
    fn patience_left(
        &mut self,
        id: CursorId,
        since: Option<Instant>,
        now: Option<Instant>,
    ) -> (Option<Duration>, Option<usize>) {
        let Some(cursor) = self.cursors.get(id) else {
            return (Some(Duration::ZERO), None);
        };
        let here = Place::Reading {
            cursor: id,
            sequence: cursor.window.base_sequence(),
        };
        let waits_in_vain = cursor.waits_in_vain;
        let elsewhere = self.has_elsewhere(id, cursor.window.base());
        let (mut longest, mut patient) = (Duration::ZERO, None);
        let mut for_ever = None;
        for (index, reader) in self
            .readers
            .iter_mut()
            .filter(|(_, reader)| reader.place == here)
        {
            if std::mem::take(&mut reader.fresh) {
                reader.here_since = now;
            }
            let Some(limit) = reader.limit else {
                for_ever = Some(index);
                continue;
            };
            let waited = reader.kept_waiting(since, now);
            let moves = reader.then == AfterPatience::Replay && self.settings.can_replay;
            let mut left = limit.saturating_sub(reader.spent);
            if moves {
                left = left.min(shortened(limit, waits_in_vain));
            }
            left = left.saturating_sub(waited);
            if left.is_zero() && moves && !elsewhere {
                // The last group: its readers ride together, and only one that has stalled is left behind.
                left = self.settings.ride_limit.max(limit).saturating_sub(waited);
            }
            // Of equals the last: they tend to run in the order in which they joined.
            if left >= longest {
                (longest, patient) = (left, Some(index));
            }
        }
        match for_ever {
            Some(index) => (None, Some(index)),
            None => (Some(longest), patient),
        }
    }

    /// Cuts those loose that hold the window back, which leaves its oldest chunk without readers.
    ///
    /// Others in the window that have read nothing all the while, though there was something to read, have had the same
    /// patience: several that have stalled at different places cost one wait together, not one each.
    fn cut_loose(
        &mut self,
        id: CursorId,
        since: Option<Instant>,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) {
        let Some(cursor) = self.cursors.get_mut(id) else {
            return;
        };
        let base = cursor.window.base_sequence();
        let front = cursor.window.front();
        let front_sequence = base + cursor.window.chunks() as u64;
        for (_, reader) in self.readers.iter_mut() {
            let Place::Reading {
                cursor: at,
                sequence,
            } = reader.place
            else {
                continue;
            };
            if at != id || sequence == front_sequence {
                continue;
            }
            if sequence > base {
                if !reader.has_read {
                    reader.charge(since, now);
                }
                continue;
            }
            reader.charge(since, now);
            let moves = reader.then == AfterPatience::Replay && self.settings.can_replay;
            reader.place = if moves {
                Place::Adrift
            } else {
                Place::Lagged { front }
            };
            cursor.readers -= 1;
            cursor.window.leave(base);
        }
        cursor.blocked = None;
        if since.zip(now).is_some_and(|(since, now)| since < now) {
            cursor.waits_in_vain = cursor.waits_in_vain.saturating_add(1);
        }
        effects.wake(&cursor.signal);
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
        for (_, reader) in self
            .readers
            .iter_mut()
            .filter(|(_, reader)| reader.place == here)
        {
            reader.charge(blocked.since, now);
        }
    }
}
