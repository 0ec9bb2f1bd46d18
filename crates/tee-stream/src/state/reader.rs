use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use slab::Slab;

use super::account::between;
use crate::LagPolicy;

/// The state of a branch that has not ended.
pub(crate) struct Reader {
    pub(crate) id: u64,
    pub(crate) name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub(crate) offset: u64,
    /// The production that keeps its chunks for it, or that it rides on. `None` for one that was let go, or that joined late,
    /// until it is polled.
    pub(crate) home: Option<u64>,
    /// Where its production was when it was let go for good.
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
    /// How long it has waited for others at the cost of the account, and they have not waited for it in return.
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

    /// Makes it a reader of a production. From now on it may hold others back. They have not waited for it so far.
    pub(crate) fn settle_in(&mut self, production: u64, now: Option<Instant>) {
        self.home = Some(production);
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

/// The readers of a production.
pub(crate) fn readers_of(
    readers: &mut Slab<Reader>,
    production: u64,
) -> impl Iterator<Item = &mut Reader> {
    let readers = readers.iter_mut().map(|(_, reader)| reader);
    readers.filter(move |reader| reader.home == Some(production))
}
