//! The account of waiting: which readers the others wait for, how long, and which are let go.

use std::time::{Duration, Instant};

use super::{Effects, Reader, State, Step, reader::readers_of};
use crate::LagPolicy;

/// The credit before anything was produced, so that a reader that is ready but not scheduled yet is not let go. Each branch adds a
/// turn. With 8 branches that is 10 ms.
const ALLOWANCE: Duration = Duration::from_millis(6);

/// About as long as a branch needs on a busy core to hand on what a window holds.
const TURN: Duration = Duration::from_micros(500);

/// The longest that others wait for a reader without a charge, in return for what it has waited for them. With more, many readers
/// that are a little slow could hold back the fastest, one after the other.
const MOST_OWED: Duration = Duration::from_millis(10);

/// How often a waiting branch lets others run, once the credit is used up, before it lets go of a reader.
///
/// On an idle machine that takes no time. On a busy one it takes as long as a reader needs that is ready but not scheduled yet.
const TURNS: u32 = 32;

/// Others wait for a reader that has nowhere else to go for at most this many times what the account has earned.
///
/// Readers behind sockets take at once what the socket holds, and then nothing for a while.
const RIDE: u32 = 4;

/// Producing earns credit, and waiting for readers that hold others back spends it. So waiting never costs more than producing
/// again, neither one wait nor all of them.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) produced_for: Duration,
    /// How many branches ever joined, which is the number of the next one.
    pub(crate) branches: u64,
    pub(crate) spent: Duration,
    /// What it keeps for the waits that are going on.
    set_aside: Duration,
}

impl Account {
    pub(crate) fn earned(&self) -> Duration {
        self.produced_for + ALLOWANCE + TURN * self.branches as u32
    }

    /// Sets a part of the credit aside for one wait, so that two at the same time do not spend it twice.
    ///
    /// That is at most what producing again would take, or a turn of each branch: a reader that is ready has had its own by then.
    fn set_aside(&mut self, waits: u32) -> Duration {
        let credit = self.earned().saturating_sub(self.spent + self.set_aside);
        let most = self.produced_for.max(TURN * self.branches as u32);
        let part = (credit / waits.max(1)).min(most);
        self.set_aside += part;
        part
    }

    fn settle(&mut self, part: Duration, used: Duration) {
        self.set_aside -= part;
        self.spent += used.min(part);
    }
}

/// Readers of a production wait for space.
pub(crate) struct Blocked {
    /// The end of the oldest chunk that the production keeps. The readers before it hold the production back.
    pub(crate) end: u64,
    holders: usize,
    since: Option<Instant>,
    /// What the account has set aside for this wait.
    paid: Duration,
    /// How long of it costs nothing.
    free: Duration,
    /// How often others were let run since the credit was used up.
    turns: u32,
}

/// How much longer to wait: for ever if `left` is `None`.
struct Patience {
    left: Option<Duration>,
    turns: u32,
}

impl<E> State<E> {
    /// Makes space for the next chunk of a production. `None` once there is; else what the branch does that asks for it.
    pub(super) fn make_space(
        &mut self,
        index: usize,
        id: u64,
        now: Option<Instant>,
        effects: &mut Effects<E>,
    ) -> Option<Step<E>> {
        loop {
            self.evict(effects);
            let share = self.share();
            let is_full = self.cache.is_full();
            let production = self.productions.get_mut(&id)?;
            let span = production.position - production.tail;
            if span == 0 || (!is_full && span < share) {
                self.unblock(id, now, true, effects);
                return None;
            }
            if now.is_none() && self.settings.timed {
                return Some(Step::ReadClock);
            }
            let end = self.cache.end_of(production.tail)?;
            if production.blocked.as_ref().map(|blocked| blocked.end) != Some(end) {
                self.block(id, end, now, effects);
            }
            let patience = self.patience(id, now)?;
            let blocked = self.productions.get_mut(&id)?.blocked.as_mut()?;
            let reader = self.readers.get_mut(index)?;
            if patience.left == Some(Duration::ZERO) {
                blocked.turns += 1;
                if blocked.turns > patience.turns && reader.has_yielded {
                    self.let_go(id, now, effects);
                    continue;
                }
                reader.has_yielded = true;
            }
            reader.waits = reader.waits.or(now);
            return Some(match patience.left {
                Some(Duration::ZERO) => Step::Yield,
                Some(left) => now?.checked_add(left).map_or(Step::Wait, Step::WaitUntil),
                None => Step::Wait,
            });
        }
    }

    /// Begins to wait for the readers of the oldest chunk, which ends at `end`.
    fn block(&mut self, id: u64, end: u64, now: Option<Instant>, effects: &mut Effects<E>) {
        self.unblock(id, now, true, effects);
        let waits = self.running().count() as u32;
        let paid = self.account.set_aside(waits);
        for reader in readers_of(&mut self.readers, id) {
            reader.idle.get_or_insert_default();
            reader.has_yielded = false;
        }
        if let Some(production) = self.productions.get_mut(&id) {
            production.blocked = Some(Blocked {
                end,
                holders: 0,
                since: now,
                paid,
                free: Duration::ZERO,
                turns: 0,
            });
        }
    }

    /// Returns how much longer to wait for the readers that hold a production back: for the one with the most patience.
    fn patience(&mut self, id: u64, now: Option<Instant>) -> Option<Patience> {
        let earned = self.account.earned();
        let has_elsewhere = self.has_elsewhere(id, self.productions.get(&id)?.tail);
        let timed = self.settings.timed;
        let mut patience = Patience {
            left: Some(Duration::ZERO),
            turns: 1,
        };
        let blocked = self.productions.get_mut(&id)?.blocked.as_mut()?;
        let waited = between(blocked.since, now);
        (blocked.holders, blocked.free) = (0, Duration::ZERO);
        let readers = readers_of(&mut self.readers, id);
        for reader in readers.filter(|reader| reader.offset < blocked.end) {
            blocked.holders += 1;
            let limit = match reader.policy {
                LagPolicy::Wait => None,
                LagPolicy::Fail | LagPolicy::Replay => Some(Duration::ZERO),
                LagPolicy::Patience { limit, .. } => Some(limit.saturating_sub(reader.waited_for)),
                LagPolicy::Account => {
                    patience.turns = TURNS;
                    blocked.free = blocked.free.max(reader.owed);
                    // What it has let others wait already, without a read, is a part of the same wait.
                    let idle = reader.idle.unwrap_or_default();
                    Some((blocked.paid + reader.owed).saturating_sub(idle))
                }
            };
            // The readers of the rearmost production have nowhere to go, so only one that has stalled is left behind.
            let limit = match (limit, reader.policy) {
                (Some(_), policy) if timed && policy.replays() && !has_elsewhere => {
                    let most = policy.limit().max(earned * RIDE);
                    Some(most.saturating_sub(reader.idle.unwrap_or_default()))
                }
                (limit, _) => limit,
            };
            let left = limit.map(|limit| limit.saturating_sub(waited));
            patience.left = patience.left.zip(left).map(|(one, other)| one.max(other));
        }
        Some(patience)
    }

    /// Lets go of the readers that hold a production back. They read on elsewhere, or fail.
    fn let_go(&mut self, id: u64, now: Option<Instant>, effects: &mut Effects<E>) {
        let Some(production) = self.productions.get(&id) else {
            return;
        };
        let front = production.position;
        let end = production.blocked.as_ref().map_or(0, |blocked| blocked.end);
        self.unblock(id, now, false, effects);
        let holds = |reader: &Reader| reader.home == Some(id) && reader.offset < end;
        let holders = self.readers.iter().filter(|(_, reader)| holds(reader));
        // The next production behind keeps chunks for it when it gets there.
        let homes: Vec<_> = holders
            .map(|(index, holder)| (index, self.behind(holder.offset)))
            .collect();
        for (index, behind) in homes {
            let reader = &mut self.readers[index];
            reader.home = behind.filter(|_| reader.policy.replays());
            reader.lagged = (!reader.policy.replays()).then_some(front);
        }
        self.close_unwanted(now, effects);
    }

    /// A reader is about to leave its chunk. If it was the last that others waited for, they go on.
    pub(super) fn move_on(&mut self, index: usize, now: Option<Instant>, effects: &mut Effects<E>) {
        if let Some(reader) = self.readers.get(index)
            && let Some(home) = reader.home
            && let Some(production) = self.productions.get_mut(&home)
            && let Some(blocked) = &mut production.blocked
            && reader.offset < blocked.end
        {
            blocked.holders = blocked.holders.saturating_sub(1);
            if blocked.holders == 0 {
                self.unblock(home, now, true, effects);
            } else if reader.policy != LagPolicy::Account {
                // Those that are left may have less patience.
                effects.wake(&self.wakers, production);
            }
        }
    }

    /// Ends a wait for space, charges it to the readers that read nothing meanwhile, and wakes the ones that waited.
    ///
    /// If it `led_to_a_read`, the others owe the waiting readers what was charged.
    pub(super) fn unblock(
        &mut self,
        id: u64,
        now: Option<Instant>,
        led_to_a_read: bool,
        effects: &mut Effects<E>,
    ) {
        let Some(production) = self.productions.get_mut(&id) else {
            return;
        };
        let Some(blocked) = production.blocked.take() else {
            return;
        };
        let waited = between(blocked.since, now);
        let charged = waited.saturating_sub(blocked.free);
        // Several that have stalled at different places cost one wait together.
        let charged_until = if led_to_a_read {
            blocked.end
        } else {
            production.position
        };
        self.account.settle(blocked.paid, charged);
        for reader in readers_of(&mut self.readers, id) {
            if let Some(waited) = reader.stop_waiting(now) {
                if led_to_a_read {
                    reader.owed = (reader.owed + waited.min(charged)).min(MOST_OWED);
                }
            } else if let Some(idle) = &mut reader.idle
                && reader.offset < charged_until
            {
                *idle += waited;
                reader.waited_for += waited;
                if !reader.policy.replays() && reader.policy != LagPolicy::Wait {
                    // A branch that is polled late has not waited for it all that time.
                    reader.waited_for = reader.waited_for.min(reader.policy.limit());
                }
                reader.owed = reader.owed.saturating_sub(waited);
            }
        }
        effects.wake(&self.wakers, production);
    }
}

/// The time between two instants; none without a clock.
pub(super) fn between(since: Option<Instant>, now: Option<Instant>) -> Duration {
    match (since, now) {
        (Some(since), Some(now)) => now.saturating_duration_since(since),
        _ => Duration::ZERO,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn producing_and_each_branch_earn_credit() {
        let account = Account {
            produced_for: Duration::from_millis(3),
            branches: 8,
            ..Account::default()
        };
        assert_eq!(account.earned(), Duration::from_millis(3 + 6 + 4));
    }
}
