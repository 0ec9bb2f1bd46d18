//! How long others wait for a branch that holds them back, and what happens to it then.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{Effects, State, account::between, production::Production, reader::Reader};
use crate::LagPolicy;

/// Readers of a production wait for space.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    /// The oldest chunk that the production keeps.
    pub(crate) chunk: Range<u64>,
    /// How many readers still need it.
    pub(crate) holders: usize,
    pub(crate) since: Option<Instant>,
    /// When the account begins to pay for it, if it does.
    pub(crate) paid_from: Option<Instant>,
    /// When the last of them is let go.
    pub(crate) deadline: Option<Instant>,
    /// The index of that reader.
    pub(crate) patient: Option<usize>,
    /// That reader moved on, or another came, so the deadline means nothing.
    pub(crate) stale: bool,
}

/// Whether a production may yield another chunk.
pub(super) enum Space {
    Free,
    /// Not before a reader moves on, or this time has come.
    Wait(Option<Instant>),
    /// A reader is about to be let go. Readers that were merely not scheduled get one chance to read first.
    GiveWay,
}

/// How much longer the others wait for one reader.
struct Left {
    /// `None` means for ever.
    time: Option<Duration>,
    is_paid: bool,
    /// How long that costs the account nothing.
    unpaid: Duration,
    /// How often a branch that waits lets others run in the end.
    turns: u32,
}

impl<P, E> State<P, E> {
    /// Makes space for a chunk: drops chunks that nobody needs, then lets go of the readers that are not waited for any longer.
    pub(super) fn make_space(
        &mut self,
        index: usize,
        slot: usize,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) -> Space {
        loop {
            self.find_tails();
            let is_full = self.evict(now, effects);
            let share = self.share();
            let Some(production) = self.production(slot) else {
                return Space::Free;
            };
            let (id, tail) = (production.id, production.tail);
            let span = production.position - tail;
            if span == 0 || (!is_full && span < share) {
                if production.blocked.is_some() {
                    self.unblock(slot, now);
                }
                return Space::Free;
            }
            let Some(chunk) = self.cache.extent(tail) else {
                return Space::Free;
            };
            let known = self
                .production(slot)
                .and_then(|production| production.blocked.clone());
            if let Some(known) = &known
                && known.chunk == chunk
                && !known.stale
                && now
                    .zip(known.deadline)
                    .is_none_or(|(now, deadline)| now < deadline)
            {
                return Space::Wait(known.deadline);
            }
            let known = known.filter(|known| known.chunk == chunk);
            if known.is_none() {
                self.unblock(slot, now);
                self.charge_from_now(slot, now);
            }
            self.pay(now);
            let since = known.as_ref().map_or(now, |known| known.since);
            let mut blocked = Blocked {
                chunk,
                holders: 0,
                since,
                paid_from: None,
                deadline: None,
                patient: None,
                stale: false,
            };
            let left = self.patience_left(slot, tail, &mut blocked, now);
            if left.time == Some(Duration::ZERO) {
                let Some(reader) = self.readers.get_mut(index) else {
                    return Space::Free;
                };
                let gives_way = (id, blocked.chunk.start);
                if reader.gave_way.0 != gives_way {
                    reader.gave_way = (gives_way, 0);
                }
                reader.gave_way.1 += 1;
                if reader.gave_way.1 > left.turns {
                    self.let_go(slot, &blocked.chunk, now, effects);
                    continue;
                }
                return Space::GiveWay;
            }
            if left.is_paid {
                blocked.paid_from = since.map(|since| since + left.unpaid);
            }
            blocked.deadline = left.time.and_then(|left| now?.checked_add(left));
            let deadline = blocked.deadline;
            if let Some(production) = self.production(slot) {
                production.blocked = Some(blocked);
            }
            return Space::Wait(deadline);
        }
    }

    /// Drops chunks that nobody needs until the cache is not full. True if it still is.
    pub(super) fn evict(&mut self, now: Option<Instant>, effects: &mut Effects<P, E>) -> bool {
        while self.cache.is_full() {
            let productions = &self.slots;
            let needed = |chunk: Range<u64>| {
                productions
                    .iter()
                    .flatten()
                    .any(|production| production.needs(&chunk))
            };
            match self.cache.evict(needed) {
                Some(chunk) => effects.drop_chunk(chunk),
                None if self.let_go_of_the_ended(now, effects) => self.find_tails(),
                None => return true,
            }
        }
        false
    }

    /// Readers of a production that has ended hold back all others. Nobody waits for those that can read on elsewhere.
    fn let_go_of_the_ended(&mut self, now: Option<Instant>, effects: &mut Effects<P, E>) -> bool {
        let rearmost = self
            .productions()
            .filter(|(_, ended)| !ended.is_running() && ended.tail < ended.position)
            .min_by_key(|(_, ended)| ended.tail)
            .map(|(slot, ended)| (slot, ended.tail));
        let Some((slot, tail)) = rearmost else {
            return false;
        };
        let Some(chunk) = self.cache.extent(tail) else {
            return false;
        };
        let stays = |reader: &Reader| {
            reader.home == Some(slot) && chunk.contains(&reader.offset) && !reader.policy.replays()
        };
        if !self.settings.can_replay || self.readers.iter().any(stays) {
            return false;
        }
        self.let_go(slot, &chunk, now, effects);
        true
    }

    /// Everybody behind the front of a production is charged from now on, until it reads.
    fn charge_from_now(&mut self, slot: usize, now: Option<Instant>) {
        for reader in self.readers.iter_mut() {
            if reader.home == Some(slot) {
                reader.charged_since = now;
            }
        }
    }

    /// Returns how much longer to wait for the readers that hold a production back.
    fn patience_left(
        &mut self,
        slot: usize,
        tail: u64,
        blocked: &mut Blocked,
        now: Option<Instant>,
    ) -> Left {
        let elsewhere = self.has_elsewhere(slot, tail);
        let credit = self.account.credit();
        let waited = between(blocked.since, now);
        let at_the_limit = if self.settings.timed {
            self.account.earned()
        } else {
            Duration::ZERO
        };
        let mut longest = Left {
            time: Some(Duration::ZERO),
            is_paid: false,
            unpaid: Duration::ZERO,
            turns: 1,
        };
        for (index, reader) in self.readers.indexed() {
            if reader.home != Some(slot) || !blocked.chunk.contains(&reader.offset) {
                continue;
            }
            blocked.holders += 1;
            reader.charged_since = reader.charged_since.or(now);
            let charged = between(reader.charged_since, now);
            let own = match reader.policy {
                LagPolicy::Wait => None,
                LagPolicy::Fail | LagPolicy::Replay => Some(Duration::ZERO),
                LagPolicy::Patience { limit, .. } => {
                    Some(limit.saturating_sub(reader.waited_for + charged))
                }
                LagPolicy::Account => Some(credit + reader.owed.saturating_sub(waited)),
            };
            let nowhere = reader.policy.replays() && !elsewhere;
            let is_account = reader.policy == LagPolicy::Account;
            let left = match own {
                // The readers of the rearmost production wait for one another, and only one that has stalled is left behind.
                Some(left) if nowhere && (left.is_zero() || is_account) => Left {
                    time: Some(
                        reader
                            .policy
                            .limit()
                            .max(at_the_limit)
                            .saturating_sub(charged),
                    ),
                    is_paid: false,
                    unpaid: Duration::ZERO,
                    turns: 1,
                },
                time => Left {
                    time,
                    is_paid: is_account,
                    unpaid: reader.owed,
                    turns: if is_account { TURNS } else { 1 },
                },
            };
            // The last of equals: they tend to run in the order in which they joined.
            let is_longer = match (left.time, longest.time) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(left), Some(longest)) => left >= longest,
            };
            if is_longer {
                longest = left;
                blocked.patient = Some(index);
            }
        }
        longest
    }

    /// Lets go of the readers that need this chunk of a production.
    ///
    /// Other readers of it that have read nothing meanwhile, though there was something to read, are charged too. So
    /// several that have stalled at different places cost one wait together, not one each.
    fn let_go(
        &mut self,
        slot: usize,
        chunk: &Range<u64>,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) {
        self.unblock(slot, now);
        self.let_go_at = now;
        let Some(Some(production)) = self.slots.get(slot) else {
            return;
        };
        for reader in self.readers.iter_mut() {
            if reader.home != Some(slot) || reader.offset >= production.position {
                continue;
            }
            reader.charge(now);
            if chunk.contains(&reader.offset) {
                reader.home = None;
                if !reader.policy.replays() {
                    reader.lagged = Some(production.position);
                }
            }
        }
        effects.wake(&production.signal);
        // Where no other production may be opened, the next one keeps chunks for them when it gets there.
        if self.settings.can_replay && !self.may_open(chunk.start) {
            for index in 0..self.readers.slots() {
                let Some(reader) = self.readers.get(index) else {
                    continue;
                };
                if reader.home.is_none()
                    && reader.lagged.is_none()
                    && chunk.contains(&reader.offset)
                    && let Some(behind) = self.behind(reader.offset)
                {
                    self.settle_in(index, behind, effects);
                }
            }
        }
        self.close_unwanted(now, effects);
    }

    /// A reader leaves the chunk that it is at. If it was the last that others waited for, they go on.
    pub(super) fn move_on(
        &mut self,
        index: usize,
        now: Option<Instant>,
        effects: &mut Effects<P, E>,
    ) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        let Some(slot) = reader.home else { return };
        let Some(Some(production)) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(blocked) = &mut production.blocked else {
            return;
        };
        if !blocked.chunk.contains(&reader.offset) {
            return;
        }
        blocked.holders = blocked.holders.saturating_sub(1);
        if blocked.holders == 0 {
            reader.owed = reader.owed.saturating_sub(between(blocked.since, now));
            reader.charge(now);
            effects.wake(&production.signal);
            self.unblock(slot, now);
        } else if blocked.patient == Some(index) {
            blocked.stale = true;
            effects.wake(&production.signal);
        }
    }

    /// Nobody waits for space at a production any longer, or for somebody else.
    pub(super) fn unblock(&mut self, slot: usize, now: Option<Instant>) {
        self.pay(now);
        if let Some(production) = self.production(slot) {
            production.blocked = None;
        }
    }

    /// The last branch that waited for space at a production is gone.
    pub(super) fn nobody_waits(&mut self, slot: usize, now: Option<Instant>) {
        let Some(Some(Production {
            blocked: Some(blocked),
            ..
        })) = self.slots.get(slot)
        else {
            return;
        };
        for reader in self.readers.iter_mut() {
            if reader.home == Some(slot) && blocked.chunk.contains(&reader.offset) {
                reader.charge(now);
            }
        }
        self.unblock(slot, now);
    }

    /// Charges the account up to now. Waiting at several productions at once counts once.
    fn pay(&mut self, now: Option<Instant>) {
        let blocked = self
            .slots
            .iter()
            .flatten()
            .filter_map(|production| production.blocked.as_ref());
        let since = blocked.filter_map(|blocked| blocked.paid_from).min();
        let since = since.max(self.paid_until.filter(|_| since.is_some()));
        self.account.spend(between(since, now));
        self.paid_until = now.max(self.paid_until);
    }
}

/// How often a branch that waits lets others run before it lets go of a reader that the account no longer pays for.
///
/// That is no time on an idle machine. On a busy one it is as long as a reader needs that is merely not scheduled.
const TURNS: u32 = 32;

/// How much readers can owe one another. More would let many that are slow by a little hold the fastest back one after the other.
const MOST_OWED: Duration = Duration::from_millis(10);

impl Reader {
    /// Others have waited for it until now.
    fn charge(&mut self, now: Option<Instant>) {
        if let Some(since) = self.charged_since.take() {
            self.waited_for += between(Some(since), now);
            if let (LagPolicy::Patience { limit, .. }, false) = (self.policy, self.policy.replays())
            {
                // Whoever is polled late has not waited for it all that time.
                self.waited_for = self.waited_for.min(limit);
            }
        }
    }

    /// It does not wait for others any longer. They owe it that time, if it led to anything.
    pub(super) fn stops_waiting(&mut self, now: Option<Instant>, let_go_at: Option<Instant>) {
        if let Some((_, since)) = self.waits.take() {
            self.waited += between(since, now);
            let owed = between(since.max(let_go_at), now);
            self.owed = (self.owed + owed).min(MOST_OWED);
        }
    }
}
