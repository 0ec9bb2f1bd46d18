use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    Branch, BranchOptions, BranchStatus, LagPolicy, TeeStatistics, Timer,
    producer::Producer,
    shared::{ReplayFn, Shared},
    signal::Signal,
    state::{Settings, State},
    verification::UnitHasher,
};

const DEFAULT_WINDOW: usize = 1024 * 1024;
const DEFAULT_CHUNK_SIZE: usize = 64 * 1024;
const DEFAULT_MAXIMUM_CURSORS: usize = 4;

/// The bytes of a window's budget for each chunk that it may hold, so that the bookkeeping of tiny chunks is bounded.
const BYTES_PER_CHUNK: usize = 512;
const LEAST_CHUNKS: usize = 64;

/// One stream of bytes for any number of readers.
///
/// A handle, which adds branches and says where they are. Clones are handles of the same tee. Branches continue without it.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::{StreamExt, stream};
/// use tee_stream::Tee;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() {
///     let chunks = ["one ", "document"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
///     let tee = Tee::builder().build(stream::iter(chunks));
///     let (mut first, mut second) = (tee.branch(), tee.branch());
///     assert_eq!(first.next().await.unwrap().unwrap(), "one ");
///     assert_eq!(second.next().await.unwrap().unwrap(), "one ");
///     assert_eq!(tee.statistics().bytes_produced, 4);
/// }
/// ```
pub struct Tee<E> {
    shared: Arc<Shared<E>>,
}

impl<E> Tee<E> {
    /// Configures a new tee.
    pub fn builder() -> TeeBuilder<E> {
        TeeBuilder::new()
    }

    /// Adds a branch with the policy of the tee. It reads from byte 0, whenever it joins.
    ///
    /// If byte 0 has left every window, its first poll replays the document, or, without a replay, yields
    /// [`Unavailable`](crate::TeeError::Unavailable).
    pub fn branch(&self) -> Branch<E> {
        self.branch_with(BranchOptions::new())
    }

    /// Adds a branch with options of its own.
    pub fn branch_with(&self, options: BranchOptions) -> Branch<E> {
        Branch::new(Arc::clone(&self.shared), options)
    }

    /// Returns what the tee has cost so far. Takes the lock for a moment.
    pub fn statistics(&self) -> TeeStatistics {
        self.shared.lock().statistics()
    }

    /// Returns where each branch is that has not ended. Holds the lock while it lists them.
    pub fn branches(&self) -> Vec<BranchStatus> {
        self.shared.lock().branches()
    }
}

impl<E> Clone for Tee<E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E> fmt::Debug for Tee<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tee")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

/// Configures a [`Tee`].
///
/// ```
/// use std::{num::NonZeroUsize, time::Duration};
/// use bytes::Bytes;
/// use futures_util::stream;
/// use tee_stream::{AfterPatience, LagPolicy, Tee};
///
/// fn document(offset: u64) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
///     let bytes = Bytes::from_static(b"any number of times the same").slice(offset as usize..);
///     stream::iter([Ok(bytes)])
/// }
///
/// let tee = Tee::builder()
///     .window(256 * 1024)
///     .maximum_cursors(NonZeroUsize::new(2).unwrap())
///     .lag_policy(LagPolicy::Patience { limit: Duration::from_secs(1), then: AfterPatience::Replay })
///     // .timer(TokioTimer::new()): patience needs a clock (feature `tokio-time`)
///     .replay(document)
///     .build(document(0));
/// assert_eq!(tee.statistics().bytes_produced, 0);
/// ```
pub struct TeeBuilder<E> {
    window: usize,
    maximum_cursors: NonZeroUsize,
    lag_policy: Option<LagPolicy>,
    timer: Option<Arc<dyn Timer>>,
    replay: Option<ReplayFn<E>>,
    chunk_size: usize,
    length: Option<u64>,
}

impl<E> TeeBuilder<E> {
    fn new() -> Self {
        Self {
            window: DEFAULT_WINDOW,
            maximum_cursors: NonZeroUsize::new(DEFAULT_MAXIMUM_CURSORS)
                .unwrap_or(NonZeroUsize::MIN),
            lag_policy: None,
            timer: None,
            replay: None,
            chunk_size: DEFAULT_CHUNK_SIZE,
            length: None,
        }
    }

    /// Sets how many bytes one window keeps for its branches; 1 MiB by default, at least 1.
    ///
    /// A chunk is produced only while its window holds fewer bytes than this. So a window never holds more than this and
    /// one chunk less a byte, and never more than this if it is a multiple of the chunk size. Chunks that everybody has read
    /// stay while there is space, for branches that join later or come from another cursor. The bookkeeping is bounded too: a
    /// window holds at most one chunk for each 512 bytes of its budget (at least 64).
    ///
    /// The length of the chunks counts, but a `Bytes` keeps the whole allocation alive that it is a slice of. If the chunks of
    /// a source are slices of something larger, copy them (`source.map_ok(|chunk| Bytes::copy_from_slice(&chunk))`).
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.max(1);
        self
    }

    /// Sets how many productions may run at the same time; 4 by default. Each has a window of its own.
    ///
    /// At the maximum, slow readers share the last one and wait for one another, each time for at most the patience of the
    /// slowest or 500 ms, whichever is longer.
    #[must_use]
    pub fn maximum_cursors(mut self, cursors: NonZeroUsize) -> Self {
        self.maximum_cursors = cursors;
        self
    }

    /// Sets the policy of branches that have none of their own. [`LagPolicy`] says which one is the default.
    #[must_use]
    pub fn lag_policy(mut self, policy: LagPolicy) -> Self {
        self.lag_policy = Some(policy);
        self
    }

    /// Sets the clock. Without one, [`Patience`](LagPolicy::Patience) counts as spent from the start.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// Sets how the document is produced again from an offset, for branches that lag or join late.
    ///
    /// The offset is the start of a block, a multiple of 64 KiB. What the branch has read of that block already is produced
    /// again, compared and discarded.
    ///
    /// A replay must yield the same bytes. A hash of each 64 KiB checks that (coarser beyond 256 MiB; at most 32 KiB of
    /// hashes), for blocks that were produced from end to end before: a block that differs ends its branches with
    /// [`Diverged`](crate::TeeError::Diverged). Without a replay nothing is hashed (XXH64).
    #[must_use]
    pub fn replay<S>(mut self, replay: impl Fn(u64) -> S + Send + Sync + 'static) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    {
        self.replay = Some(Box::new(move |offset| Box::pin(replay(offset))));
        self
    }

    /// Sets the size of the chunks of branches that have a [`tail`](crate::BranchOptions::tail); 64 KiB by default. It should be
    /// that of the source.
    #[must_use]
    pub fn chunk_size(mut self, bytes: NonZeroUsize) -> Self {
        self.chunk_size = bytes.get();
        self
    }

    /// Declares the length of the document, so that branches have an exact size hint from the start. A production that
    /// yields another length fails with [`Diverged`](crate::TeeError::Diverged).
    #[must_use]
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// Makes the tee. It polls nothing before a branch is polled.
    pub fn build(self, source: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Tee<E> {
        let signal = Signal::new();
        let can_replay = self.replay.is_some();
        let timed = self.timer.is_some();
        let settings = Settings {
            window: self.window,
            window_chunks: (self.window / BYTES_PER_CHUNK).max(LEAST_CHUNKS),
            maximum_cursors: self.maximum_cursors.get(),
            can_replay,
            timed,
            lag_policy: self
                .lag_policy
                .unwrap_or_else(|| LagPolicy::default_for(can_replay)),
            last_group_limit: if timed {
                LagPolicy::DEFAULT_PATIENCE
            } else {
                Duration::ZERO
            },
            lead: (self.window / 4).max(1) as u64,
        };
        let hasher = can_replay.then(|| Box::new(UnitHasher::new(0)));
        let source = Producer::new(Box::pin(source), Arc::clone(&signal), hasher);
        let state = State::new(settings, self.length, source, signal);
        Tee {
            shared: Arc::new(Shared::new(state, self.timer, self.replay, self.chunk_size)),
        }
    }
}

impl<E> fmt::Debug for TeeBuilder<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TeeBuilder")
            .field("window", &self.window)
            .field("maximum_cursors", &self.maximum_cursors)
            .field("lag_policy", &self.lag_policy)
            .field("timer", &self.timer)
            .field("replay", &self.replay.is_some())
            .field("chunk_size", &self.chunk_size)
            .field("length", &self.length)
            .finish()
    }
}
