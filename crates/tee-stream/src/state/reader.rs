use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::account::between;
use crate::LagPolicy;

/// The state of a branch that has not ended.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: u64,
    pub(crate) name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub(crate) offset: u64,
    /// The slot of the production that keeps its chunks for it, or that it rides on. `None` for one that was let go, or that
    /// joined late, until it is polled.
    pub(crate) home: Option<usize>,
    /// It was let go for good when the others were here.
    pub(crate) lagged: Option<u64>,
    pub(crate) policy: LagPolicy,
    /// Where it was when it last let others run.
    pub(crate) leads_from: u64,
    /// How long others have waited for it since it read last, before the wait that is going on. `None` if it has read since that
    /// wait began.
    pub(crate) idle: Option<Duration>,
    /// It has let others run since a wait for space began.
    pub(crate) has_yielded: bool,
    /// Since when it waits for space, or for a production that may begin.
    pub(crate) waits: Option<Instant>,
    /// How long it waited for others.
    pub(crate) waited: Duration,
    /// How long others waited for it.
    pub(crate) waited_for: Duration,
    /// How long it has waited for others, and the account has paid, that have not waited for it in return.
    pub(crate) owed: Duration,
}

impl Reader {
    pub(crate) fn new(id: u64, name: Option<Arc<str>>, policy: LagPolicy) -> Self {
        Self {
            id,
            name,
            offset: 0,
            home: None,
            lagged: None,
            policy,
            leads_from: 0,
            idle: None,
            has_yielded: false,
            waits: None,
            waited: Duration::ZERO,
            waited_for: Duration::ZERO,
            owed: Duration::ZERO,
        }
    }

    /// Makes it a reader of a production. It may hold others back from now on, who have not waited for it so far.
    pub(crate) fn settle_in(&mut self, slot: usize, now: Option<Instant>) {
        self.home = Some(slot);
        self.idle = None;
        self.stop_waiting(now);
    }

    /// Returns how long it has waited, if it did.
    pub(crate) fn stop_waiting(&mut self, now: Option<Instant>) -> Option<Duration> {
        let waited = between(Some(self.waits.take()?), now);
        self.waited += waited;
        Some(waited)
    }
}

/// The branches that have not ended, by index.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    slots: Vec<Option<Reader>>,
    free: Vec<usize>,
    joined: u64,
}

impl Readers {
    /// The number of branches that ever joined, which is the id of the next one.
    pub(crate) fn joined(&self) -> u64 {
        self.joined
    }

    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, reader: Reader) -> usize {
        self.joined += 1;
        if let Some(index) = self.free.pop() {
            self.slots[index] = Some(reader);
            return index;
        }
        self.slots.push(Some(reader));
        self.slots.len() - 1
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<Reader> {
        let reader = self.slots.get_mut(index)?.take()?;
        self.free.push(index);
        Some(reader)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Reader> {
        self.slots.get_mut(index)?.as_mut()
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&Reader> {
        self.slots.get(index)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reader> {
        self.slots.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Reader> {
        self.slots.iter_mut().flatten()
    }

    /// One more than the largest index.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The readers of a production.
    pub(crate) fn of(&mut self, slot: usize) -> impl Iterator<Item = &mut Reader> {
        let readers = self.slots.iter_mut().flatten();
        readers.filter(move |reader| reader.home == Some(slot))
    }
}
