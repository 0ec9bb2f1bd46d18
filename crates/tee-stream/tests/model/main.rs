//! The tee against a model: a plain `Vec<u8>` and an offset for each branch, under random interleavings.

#[path = "../support/manual_timer.rs"]
mod manual_timer;
mod scenario;

use std::{
    collections::VecDeque,
    fmt, io,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use proptest::{prelude::*, test_runner::FileFailurePersistence};
use tee_stream::{Branch, BranchEnd, BranchEnding, Tee, TeeError};

use manual_timer::ManualTimer;
use scenario::{LIMIT, MANY, Operation, Policy, Scenario, scenarios};

const STEP: Duration = Duration::from_millis(1);

/// What waiting may cost before anything was produced: this, and so much for each branch.
const ALLOWANCE: (Duration, Duration) = (Duration::from_millis(6), Duration::from_micros(500));

/// Who is to be woken by which source.
type Wakers = Arc<Mutex<Vec<(Arc<AtomicBool>, Waker)>>>;

/// One production, which may fail and may be pending.
struct Source {
    document: Bytes,
    offset: usize,
    chunk: usize,
    fails_at: Option<usize>,
    pending_every: Option<usize>,
    polls: usize,
    wakers: Wakers,
    polled: Arc<AtomicBool>,
}

impl Stream for Source {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(
            !self.polled.swap(true, Ordering::SeqCst),
            "polled twice at once, or after its end"
        );
        self.polls += 1;
        if self
            .pending_every
            .is_some_and(|every| self.polls % (every + 1) == 1)
        {
            let waker = (Arc::clone(&self.polled), context.waker().clone());
            self.wakers.lock().unwrap().push(waker);
            self.polled.store(false, Ordering::SeqCst);
            return Poll::Pending;
        }
        let limit = self.fails_at.unwrap_or(usize::MAX).min(self.document.len());
        let end = ((self.offset / self.chunk + 1) * self.chunk).min(limit);
        if self.offset < end {
            let chunk = self.document.slice(self.offset..end);
            self.offset = end;
            self.polled.store(false, Ordering::SeqCst);
            return Poll::Ready(Some(Ok(chunk)));
        }
        if self.fails_at.is_some() {
            Poll::Ready(Some(Err(io::Error::other("as told"))))
        } else {
            Poll::Ready(None)
        }
    }
}

/// The order in which branches were woken, as an executor would keep it.
type Queue = Arc<Mutex<VecDeque<usize>>>;

struct Woken {
    index: usize,
    queued: AtomicBool,
    queue: Queue,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            self.queue.lock().unwrap().push_back(self.index);
        }
    }
}

impl Drop for Source {
    /// A source that is gone wakes nobody.
    fn drop(&mut self) {
        self.wakers
            .lock()
            .unwrap()
            .retain(|(source, _)| !Arc::ptr_eq(source, &self.polled));
    }
}

struct Reader {
    branch: Option<Branch<io::Error>>,
    policy: Policy,
    expected: Vec<u8>,
    read: usize,
    stalled: bool,
    /// Its last poll was pending, so that it must be woken before it is polled again.
    pending: bool,
    late: bool,
    woken: Arc<Woken>,
    end: Arc<Mutex<Option<BranchEnd>>>,
}

impl Reader {
    fn is_running(&self) -> bool {
        self.branch.is_some() && !self.stalled
    }
}

struct Run {
    scenario: Scenario,
    document: Bytes,
    fails_at: Option<usize>,
    tee: Tee<io::Error>,
    timer: ManualTimer,
    wakers: Wakers,
    readers: Vec<Reader>,
    queue: Queue,
    /// How long every branch that has not stalled was pending at the same time, though no source was.
    stood_still: Duration,
}

impl fmt::Debug for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Run")
            .field("tee", &self.tee)
            .field("branches", &self.tee.branches())
            .finish()
    }
}

impl Run {
    fn new(scenario: Scenario) -> Self {
        let document: Bytes = (0..scenario.length)
            .map(|index| (index * 31 + index / 256 * 7) as u8)
            .collect();
        let fails_at = scenario
            .fails_at
            .map(|permille| scenario.length * permille / 1000);
        let wakers: Wakers = Arc::default();
        let timer = ManualTimer::new();
        let source = {
            let (document, wakers) = (document.clone(), Arc::clone(&wakers));
            let pending_every = scenario.pending_every;
            move |offset: u64, chunk: usize| Source {
                document: document.clone(),
                offset: offset as usize,
                chunk,
                fails_at,
                pending_every,
                polls: 0,
                wakers: Arc::clone(&wakers),
                polled: Arc::new(AtomicBool::new(false)),
            }
        };
        let mut builder = Tee::builder()
            .window(scenario.window)
            .max_productions(NonZeroUsize::new(scenario.max_productions).unwrap())
            .chunk_size(NonZeroUsize::new(scenario.chunk).unwrap());
        if scenario.timed {
            builder = builder.timer(timer.clone());
        }
        let (chunk, later) = (scenario.chunk, scenario.replay_chunk);
        let tee = if let Some(later) = later {
            let begun = AtomicBool::new(false);
            builder.build_replayable(move |offset| {
                let is_first = !begun.swap(true, Ordering::SeqCst);
                source(offset, if is_first { chunk } else { later })
            })
        } else {
            builder.build(source(0, chunk))
        };
        Self {
            scenario,
            document,
            fails_at,
            tee,
            timer,
            wakers,
            readers: Vec::new(),
            queue: Queue::default(),
            stood_still: Duration::ZERO,
        }
    }

    fn can_replay(&self) -> bool {
        self.scenario.replay_chunk.is_some()
    }

    fn join(&mut self, policy: Policy, tail: usize) {
        let end: Arc<Mutex<Option<BranchEnd>>> = Arc::default();
        let report = Arc::clone(&end);
        let tail = vec![0xFF; tail];
        let expected = [&self.document[..], &tail].concat();
        let late = self.tee.statistics().bytes_produced > 0;
        let branch = self
            .tee
            .branch_with(policy.options().tail(tail).on_end(move |end| {
                let before = report.lock().unwrap().replace(end);
                assert!(before.is_none(), "it reported its end twice");
            }));
        let index = self.readers.len();
        let woken = Arc::new(Woken {
            index,
            queued: AtomicBool::new(false),
            queue: Arc::clone(&self.queue),
        });
        self.readers.push(Reader {
            branch: Some(branch),
            policy,
            expected,
            read: 0,
            stalled: false,
            pending: false,
            late,
            woken,
            end,
        });
    }

    /// Polls one branch and checks all that one can see. True when it got a chunk.
    fn poll(&mut self, index: usize) -> bool {
        let can_replay = self.can_replay();
        let document = self.document.len();
        let fails_at = self.fails_at;
        let reader = &mut self.readers[index];
        let Some(branch) = &mut reader.branch else {
            return false;
        };
        if reader.woken.queued.swap(false, Ordering::SeqCst) {
            self.queue.lock().unwrap().retain(|&woken| woken != index);
        }
        let waker = Waker::from(Arc::clone(&reader.woken));
        let polled = branch.poll_next_unpin(&mut Context::from_waker(&waker));
        reader.pending = polled.is_pending();
        let ending = match polled {
            Poll::Pending => None,
            Poll::Ready(Some(Ok(chunk))) => {
                assert!(!chunk.is_empty());
                assert_eq!(
                    chunk,
                    &reader.expected[reader.read..reader.read + chunk.len()]
                );
                reader.read += chunk.len();
                assert_eq!(branch.position(), reader.read as u64);
                assert!(
                    fails_at.is_none_or(|at| reader.read <= at),
                    "read past the failure"
                );
                self.check();
                return true;
            }
            Poll::Ready(Some(Err(error))) => {
                let offset = reader.read as u64;
                match &error {
                    TeeError::Source(_) => assert_eq!(fails_at, Some(reader.read)),
                    TeeError::Lagged { offset: at, .. } => {
                        assert!(
                            reader.policy.may_lag(can_replay),
                            "{:?} lagged",
                            reader.policy
                        );
                        assert_eq!(*at, offset);
                    }
                    TeeError::Unavailable { offset: 0 } => {
                        assert!(!can_replay && reader.late && offset == 0);
                    }
                    other => panic!("unexpected {other:?}"),
                }
                Some(BranchEnding::from(&error))
            }
            Poll::Ready(None) => {
                assert_eq!(fails_at, None);
                assert!(reader.read >= document);
                assert_eq!(reader.read, reader.expected.len());
                Some(BranchEnding::Complete)
            }
        };
        if let Some(ending) = ending {
            let reader = &mut self.readers[index];
            let mut branch = reader.branch.take().unwrap();
            assert!(matches!(
                branch.poll_next_unpin(&mut Context::from_waker(Waker::noop())),
                Poll::Ready(None)
            ));
            drop(branch);
            let end = reader
                .end
                .lock()
                .unwrap()
                .clone()
                .expect("it reported its end");
            assert_eq!((end.ending, end.bytes), (ending, reader.read as u64));
            if let Policy::PatienceThenFail | Policy::Fail = reader.policy {
                assert!(end.waited_for <= LIMIT, "{:?}", end.waited_for);
            }
        }
        self.check();
        false
    }

    fn check(&self) {
        let statistics = self.tee.statistics();
        let scenario = &self.scenario;
        let largest = scenario.chunk.max(scenario.replay_chunk.unwrap_or(0));
        assert!(
            statistics.productions_open <= scenario.max_productions,
            "{statistics:?}"
        );
        // The budget and a chunk, and a chunk for each production.
        assert!(
            statistics.cached_bytes < scenario.window + (scenario.max_productions + 1) * largest,
            "{statistics:?}"
        );
        assert!(
            statistics.waited <= statistics.waiting_allowed,
            "{statistics:?}"
        );
        let branches = self.readers.len() as u32;
        assert_eq!(
            statistics.waiting_allowed,
            statistics.produced_for + ALLOWANCE.0 + ALLOWANCE.1 * branches
        );
        // The account pays for each wait, or has paid for it when the others waited.
        let has_account = scenario.only_default && scenario.timed && self.can_replay();
        assert!(
            !has_account
                || scenario.max_productions < MANY
                || self.stood_still <= statistics.waiting_allowed * branches,
            "{:?} {statistics:?}",
            self.stood_still
        );
    }

    fn running(&self) -> Vec<usize> {
        (0..self.readers.len())
            .filter(|&index| self.readers[index].is_running())
            .collect()
    }

    fn pick(&self, choice: usize) -> Option<usize> {
        let running = self.running();
        (!running.is_empty()).then(|| running[choice % running.len()])
    }

    fn wake_sources(&self) -> bool {
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        let any = !wakers.is_empty();
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
        any
    }

    /// Lets a millisecond pass, and counts it if nobody can go on before.
    fn advance(&mut self) {
        let waits = |reader: &Reader| reader.pending && !reader.woken.queued.load(Ordering::SeqCst);
        let mut running = self
            .readers
            .iter()
            .filter(|reader| reader.is_running())
            .peekable();
        if running.peek().is_some() && running.all(waits) && self.wakers.lock().unwrap().is_empty()
        {
            self.stood_still += STEP;
        }
        self.timer.advance(STEP);
    }

    fn run(mut self) {
        for operation in self.scenario.operations.clone() {
            match operation {
                Operation::Join(policy, tail) => self.join(self.scenario.policy(policy), tail),
                Operation::Poll(choice) => {
                    if let Some(index) = self.pick(choice) {
                        self.poll(index);
                    }
                }
                Operation::Drain(choice) => {
                    if let Some(index) = self.pick(choice) {
                        while self.poll(index) {}
                    }
                }
                Operation::Drop(choice) => {
                    if let Some(index) = self.pick(choice) {
                        let reader = &mut self.readers[index];
                        reader.branch = None;
                        let end = reader
                            .end
                            .lock()
                            .unwrap()
                            .clone()
                            .expect("it reported its end");
                        // It may have had all its bytes already, or know of an error that it has not yielded yet.
                        let whole = reader.read == reader.expected.len();
                        assert!(end.ending != BranchEnding::Complete || whole);
                    }
                }
                Operation::Stall(choice) => {
                    if let Some(index) = self.pick(choice) {
                        self.readers[index].stalled = true;
                    }
                }
                Operation::WakeSources => drop(self.wake_sources()),
                Operation::Advance => (0..5).for_each(|_| self.advance()),
            }
            self.check();
        }
        self.finish();
    }

    /// One that stalled and is to be dropped.
    fn droppable(&self) -> Option<usize> {
        let stalled = |reader: &Reader| reader.stalled && reader.branch.is_some();
        self.readers
            .iter()
            .position(stalled)
            .filter(|_| self.scenario.drops_stalled)
    }

    /// From here on branches are polled only when they were woken, so a lost wake-up shows as a branch that hangs; those that
    /// stalled are not polled at all, and may only hold the others up for as long as their policy says.
    fn finish(&mut self) {
        let can_replay = self.can_replay();
        for reader in &mut self.readers {
            reader.stalled &= !reader.policy.waits_for_ever(can_replay);
            if !reader.stalled && !reader.pending {
                Arc::clone(&reader.woken).wake();
            }
        }
        let stalled = self.readers.iter().filter(|reader| reader.stalled).count() as u32;
        // The account may be spent once, and each that stalled may be waited for by itself, and longer when it has nowhere else to
        // go, once more for each production that begins near it.
        let earned = self.tee.statistics().waiting_allowed;
        let most = earned + (earned * 4 + LIMIT + STEP) * 3 * (stalled + 1);
        let mut waited = Duration::ZERO;
        let mut polls = 0;
        while !self.running().is_empty() {
            let next = self.queue.lock().unwrap().pop_front();
            if let Some(index) = next {
                self.readers[index]
                    .woken
                    .queued
                    .store(false, Ordering::SeqCst);
                polls += 1;
                assert!(polls < 20_000, "no end: {self:?}");
                if self.readers[index].is_running() && self.poll(index) {
                    Arc::clone(&self.readers[index].woken).wake();
                }
            } else if self.wake_sources() {
                continue;
            } else if let Some(index) = self.droppable() {
                self.readers[index].branch = None;
            } else {
                self.advance();
                waited += STEP;
                assert!(waited <= most, "somebody hangs: {self:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_branch_reads_a_prefix_and_ends_well_only_with_all_of_it(scenario in scenarios()) {
        Run::new(scenario).run();
    }
}
