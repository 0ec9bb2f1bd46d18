//! The state machine: where each branch is, and what it does next. It polls nothing and wakes nobody, and the caller passes the
//! time, so tests can drive it step by step.

mod account;
#[cfg(test)]
mod attach_tests;
mod cache;
mod effects;
mod production;
mod reader;
mod step;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use slab::Slab;

use crate::{
    LagPolicy, TeeError,
    source::{ChunkStream, Producer},
    wakers::{Signal, Wakers},
};
use account::Account;
use cache::Cache;
use production::{Production, Source};

pub(crate) use effects::Effects;
pub(crate) use reader::Reader;

/// What was configured.
pub(crate) struct Settings {
    /// The bytes that the cache may hold.
    pub(crate) window: usize,
    /// The chunks that it may hold.
    pub(crate) window_chunks: usize,
    pub(crate) max_productions: usize,
    pub(crate) can_replay: bool,
    pub(crate) timed: bool,
    pub(crate) lag_policy: LagPolicy,
}

/// The state that the branches of a tee share. It only stores the sources of productions.
pub(crate) struct State<E> {
    settings: Settings,
    cache: Cache,
    /// The productions that run, and those that have ended whose readers are not done, by number.
    productions: BTreeMap<u64, Production<E>>,
    readers: Slab<Reader>,
    wakers: Arc<Wakers>,
    account: Account,
    /// The offset behind the furthest byte that any production yielded.
    frontier: u64,
    /// The length of the document, if it is known or was declared.
    pub(crate) length: Option<u64>,
    /// A production has come to the end.
    ended: bool,
    /// Foreign code panicked. Everything ends with an error from now on.
    pub(crate) poisoned: bool,
    produced: u64,
    opened: u64,
}

/// What a tee has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeeStatistics {
    /// The bytes that all productions yielded together.
    ///
    /// Divided by `document_length`, it says how often the document was produced.
    pub bytes_produced: u64,
    /// The productions that were started, including the first.
    pub productions_opened: u64,
    /// The productions that are under way now.
    pub productions_open: usize,
    /// The bytes in the cache now.
    pub cached_bytes: usize,
    /// The most bytes that were ever in the cache.
    pub cached_bytes_peak: usize,
    /// How long productions have taken in total, pending or busy. Zero without a timer.
    pub produced_for: Duration,
    /// How much waiting the account has paid for.
    pub waited: Duration,
    /// How much it may pay for: `produced_for`, plus 6 ms and half a millisecond for each branch that ever joined.
    pub waiting_allowed: Duration,
    /// The branches that have not ended.
    pub branches_open: usize,
    /// The length of the document, if a production has ended or it was declared.
    pub document_length: Option<u64>,
}

/// Where one branch is. A snapshot: it may be out of date when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchStatus {
    /// The number of the branch in its tee, counted from 0.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub offset: u64,
    /// How many bytes it is behind its production, or, without one, behind the furthest byte that was produced.
    pub lag: u64,
    /// The number of the production that it reads from, counted from 0. `None` after it was let go, until it is polled again.
    pub production: Option<u64>,
    /// How long it waited for others. A wait that is going on is not counted yet.
    pub waited: Duration,
    /// How long others waited for it. A wait that is going on is not counted yet.
    pub waited_for: Duration,
}

/// What a branch that is polled does next.
pub(crate) enum Step<E> {
    Chunk(Bytes),
    End,
    Fail(TeeError<E>),
    /// Poll this production, and deliver its result.
    Produce {
        id: u64,
        source: Box<Producer<E>>,
        is_timed: bool,
    },
    /// Open a production at this offset. Then the same.
    Open {
        id: u64,
        offset: u64,
        signal: Arc<Signal>,
    },
    /// The waker is registered.
    Wait,
    /// The waker is registered, and must be woken at this time too.
    WaitUntil(Instant),
    /// Let others run first.
    Yield,
    /// Ask again with the time.
    ReadClock,
}

impl<E> State<E> {
    /// Starts with one production at byte 0.
    pub(crate) fn new(settings: Settings, length: Option<u64>, stream: ChunkStream<E>) -> Self {
        let wakers = Arc::<Wakers>::default();
        let signal = Signal::new(&wakers, 0);
        let source = Source::Idle(Producer::new(stream, Arc::clone(&signal)));
        Self {
            cache: Cache::new(settings.window, settings.window_chunks),
            settings,
            productions: BTreeMap::from([(0, Production::new(0, 0, source, signal))]),
            readers: Slab::new(),
            wakers,
            account: Account::default(),
            frontier: 0,
            length,
            ended: false,
            poisoned: false,
            produced: 0,
            opened: 1,
        }
    }

    /// Adds a branch at byte 0. Returns its index and its number.
    pub(crate) fn join(
        &mut self,
        name: Option<Arc<str>>,
        policy: Option<LagPolicy>,
        now: Option<Instant>,
        effects: &mut Effects<E>,
    ) -> (usize, u64) {
        let policy = policy.unwrap_or(self.settings.lag_policy);
        let policy = policy.resolve(self.settings.can_replay, self.settings.timed);
        let id = self.account.branches;
        self.account.branches += 1;
        let index = self.readers.insert(Reader::new(id, name, policy));
        self.find_tails();
        if let Some(home) = self.reachable(0) {
            self.settle_in(index, home, now, effects);
        }
        (index, id)
    }

    /// Removes a branch that has ended or was dropped.
    pub(crate) fn leave(
        &mut self,
        index: usize,
        now: Option<Instant>,
        effects: &mut Effects<E>,
    ) -> Option<Reader> {
        if let Some(home) = self.readers.get(index)?.home {
            // Nobody waits for this branch any longer, and if it waited itself, it may have been the only one.
            self.unblock(home, now, true, effects);
        }
        let mut reader = self.readers.try_remove(index)?;
        reader.stop_waiting(now);
        effects.drop_waker(self.wakers.withdraw(index));
        self.close_unwanted(now, effects);
        Some(reader)
    }

    /// Everything ends with an error from now on.
    pub(crate) fn poison(&mut self, effects: &mut Effects<E>) {
        self.poisoned = true;
        effects.wake_all(&self.wakers);
    }

    pub(crate) fn statistics(&self) -> TeeStatistics {
        TeeStatistics {
            bytes_produced: self.produced,
            productions_opened: self.opened,
            productions_open: self.running().count(),
            cached_bytes: self.cache.bytes,
            cached_bytes_peak: self.cache.peak,
            produced_for: self.account.produced_for,
            waited: self.account.spent,
            waiting_allowed: self.account.earned(),
            branches_open: self.readers.len(),
            document_length: self.length,
        }
    }

    pub(crate) fn branches(&self) -> Vec<BranchStatus> {
        let status = |(_, reader): (usize, &Reader)| {
            let home = reader.home.and_then(|home| self.productions.get(&home));
            let front = home.map_or(self.frontier, |home| home.position);
            BranchStatus {
                id: reader.id,
                name: reader.name.clone(),
                offset: reader.offset,
                lag: front.saturating_sub(reader.offset),
                production: reader.home,
                waited: reader.waited,
                waited_for: reader.waited_for,
            }
        };
        self.readers.iter().map(status).collect()
    }
}
