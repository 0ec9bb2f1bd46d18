//! How long others wait for a branch that holds a full window back, and what happens to it then.

use std::time::{Duration, Instant};

use super::{
    State,
    cursor::{Blocked, Cursor, CursorId},
    effects::Effects,
    reader::{Place, Reader},
};
use crate::AfterPatience;

/// The shortest wait: still longer than a healthy reader is usually kept from running.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// Whether a cursor may produce another chunk.
pub(super) enum WindowSpace {
    Free,
    /// Not before a reader moves on, or this time has come.
    Wait(Option<Instant>),
    /// A reader is about to be cut loose. Readers that were merely not scheduled get one chance to read first.
    GiveWay,
    NeedTime,
}

impl<P, E> State<P, E> {
    /// Makes space for a chunk of this branch: drops chunks that nobody needs, then cuts loose the readers whose patience is spent.
    pub(super) fn make_space(
        &mut self,
        index: usize,
        id: CursorId,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> WindowSpace {
        loop {
            if self.evict(id, effects) {
                return WindowSpace::Free;
            }
            if self.settings.timed && now.is_none() {
                return WindowSpace::NeedTime;
            }
            let (Some(reader), Some(cursor)) =
                (self.readers.get_mut(index), self.cursors.get_mut(id))
            else {
                return WindowSpace::Free;
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
                return WindowSpace::Wait(deadline);
            }
            let since = cursor.blocked.map_or(now, |blocked| blocked.since);
            let base = cursor.window.base_sequence();
            let gave_way = reader.gave_way.replace((id, base)) == Some((id, base));
            let (left, patient) = self.patience_left(id, since, now);
            match left {
                Some(Duration::ZERO) if gave_way => self.cut_loose(id, since, now, effects),
                Some(Duration::ZERO) => return WindowSpace::GiveWay,
                left => {
                    let deadline = left.and_then(|left| now?.checked_add(left));
                    if let Some(cursor) = self.cursors.get_mut(id) {
                        if cursor.blocked.is_none() {
                            for (_, reader) in self.readers.iter_mut() {
                                if reader.is_in_window_of(id) {
                                    reader.has_read = false;
                                }
                            }
                        }
                        cursor.blocked = Some(Blocked {
                            since,
                            deadline,
                            patient,
                            stale: false,
                        });
                    }
                    return WindowSpace::Wait(deadline);
                }
            }
        }
    }

    /// Drops chunks that nobody needs until there is space. False when the oldest is still needed.
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

    /// Returns how much longer to wait for the readers that hold the window back (`None`: for ever), and the index of the one
    /// that allows the longest wait.
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
            let replays = reader.replays(self.settings.can_replay);
            let mut left = limit.saturating_sub(reader.spent);
            if replays {
                left = left.min(shortened(limit, waits_in_vain));
            }
            left = left.saturating_sub(waited);
            if left.is_zero() && replays && !elsewhere {
                // The last group: its readers wait for one another, and only one that has stalled is left behind.
                left = self
                    .settings
                    .last_group_limit
                    .max(limit)
                    .saturating_sub(waited);
            }
            // The last of equals: they tend to run in the order in which they joined.
            if left >= longest {
                (longest, patient) = (left, Some(index));
            }
        }
        match for_ever {
            Some(index) => (None, Some(index)),
            None => (Some(longest), patient),
        }
    }

    /// Cuts the readers loose that hold the window back, which leaves its oldest chunk without readers.
    ///
    /// Other readers in the window that have read nothing meanwhile, though there was something to read, are charged too. So
    /// several that have stalled at different places cost one wait together, not one each.
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
            reader.place = if reader.replays(self.settings.can_replay) {
                Place::Detached
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

    /// Whether a branch at `offset` that leaves this cursor can go on without exceeding the maximum of productions. Those that
    /// ran to the end count too, so that no byte is produced more often than that for readers that are merely slow.
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

    /// Whether a branch waits for space, and others are being charged for that.
    pub(super) fn keeps_waiting(&mut self, index: usize) -> bool {
        let waits_for = self
            .readers
            .get_mut(index)
            .and_then(|reader| reader.waits_for_space);
        waits_for
            .and_then(|id| self.cursors.get(id))
            .is_some_and(|cursor| cursor.blocked.is_some())
    }

    /// Registers a branch as waiting for space.
    pub(super) fn start_waiting(&mut self, index: usize, id: CursorId) {
        if let (Some(reader), Some(cursor)) =
            (self.readers.get_mut(index), self.cursors.get_mut(id))
        {
            reader.waits_for_space = Some(id);
            cursor.space_waiters += 1;
        }
    }

    /// Undoes [`start_waiting`](Self::start_waiting), and returns for which cursor the branch was waiting.
    pub(super) fn stop_waiting(&mut self, index: usize) -> Option<CursorId> {
        let id = self.readers.get_mut(index)?.waits_for_space.take()?;
        let cursor = self.cursors.get_mut(id)?;
        cursor.space_waiters -= 1;
        Some(id)
    }

    /// Charges the readers that hold a window back, once nobody waits for them any longer.
    pub(super) fn settle(&mut self, id: Option<CursorId>, now: Option<Instant>) {
        let Some(cursor) = id.and_then(|id| self.cursors.get_mut(id)) else {
            return;
        };
        if cursor.space_waiters > 0 {
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

impl<P, E> Cursor<P, E> {
    /// Called when a reader leaves the chunk with this number: charges the reader if it was the last that others waited for.
    ///
    /// Returns whether those who wait should look again.
    pub(super) fn reader_moves_on(
        &mut self,
        index: usize,
        reader: &mut Reader,
        sequence: u64,
        now: Option<Instant>,
    ) -> bool {
        let Some(blocked) = &mut self.blocked else {
            return false;
        };
        if sequence != self.window.base_sequence() {
            return false;
        }
        // A reader that moves on while others still hold the window back was not what was waited for. So readers that take
        // turns at being last, as healthy ones on a busy machine do, share one wait, and are not charged for it each.
        let waited_for = self.window.readers_at_base() == 1;
        reader.charge(blocked.since.filter(|_| waited_for), now);
        blocked.stale |= blocked.patient == Some(index);
        blocked.stale
    }
}

impl Reader {
    /// Whether it continues on another cursor once its patience is spent.
    fn replays(&self, can_replay: bool) -> bool {
        can_replay && self.then == AfterPatience::Replay
    }

    /// How long others have been waiting for it, if they have been waiting since `since`.
    fn kept_waiting(&self, since: Option<Instant>, now: Option<Instant>) -> Duration {
        match (since, now) {
            (Some(since), Some(now)) if !self.fresh => {
                now.saturating_duration_since(self.here_since.map_or(since, |here| here.max(since)))
            }
            _ => Duration::ZERO,
        }
    }

    /// Adds the time for which others waited, up to its limit: a longer wait only means that they were not polled.
    fn charge(&mut self, since: Option<Instant>, now: Option<Instant>) {
        let spent = self.spent.saturating_add(self.kept_waiting(since, now));
        self.spent = self.limit.map_or(spent, |limit| spent.min(limit));
        (self.fresh, self.here_since) = (false, None);
    }
}

/// How long one wait may be for a branch that can continue elsewhere: half as long after each wait in vain. So many branches
/// that stall one after another, each outside the others' window, cost little more than twice what one costs.
fn shortened(limit: Duration, waits_in_vain: u32) -> Duration {
    let divisor = 1_u32.checked_shl(waits_in_vain).unwrap_or(u32::MAX);
    (limit / divisor).max(SHORTEST_WAIT.min(limit))
}
