use std::{fmt, marker::PhantomData, num::NonZeroUsize, sync::Arc};

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    Branch, BranchOptions, BranchStatus, LagPolicy, TeeStatistics, Timer,
    shared::{ReplayFn, Shared},
    source::ChunkStream,
    state::{Settings, State},
    sync::Mutex,
};

const DEFAULT_WINDOW: usize = 1024 * 1024;
const DEFAULT_CHUNK_SIZE: usize = 64 * 1024;
const DEFAULT_MAX_PRODUCTIONS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// The bytes of the window for each chunk that it may hold, so that the bookkeeping of tiny chunks is bounded.
const BYTES_PER_CHUNK: usize = 512;
const LEAST_CHUNKS: usize = 64;

/// One stream of bytes for any number of readers.
///
/// This handle adds branches and reports on them. Clones refer to the same tee. Branches continue without the handle.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::{StreamExt, stream};
/// use tee_stream::Tee;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() {
///     let chunks = ["one ", "document"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
///     let tee = Tee::new(stream::iter(chunks));
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
    /// Creates a tee from a stream that cannot be produced again. By default, its branches wait for one another.
    pub fn new(source: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self {
        Self::builder().build(source)
    }

    /// Creates a tee from a document that can be produced any number of times, from any offset.
    ///
    /// Use the builder to set a [`timer`](TeeBuilder::timer). Without one, a slow branch continues on its own at once.
    pub fn replayable<S>(produce: impl Fn(u64) -> S + Send + Sync + 'static) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    {
        Self::builder().build_replayable(produce)
    }

    /// Returns a builder, to configure the tee.
    pub fn builder() -> TeeBuilder<E> {
        TeeBuilder::new()
    }

    /// Adds a branch with the policy of the tee. It reads from byte 0, whenever it joins.
    ///
    /// If byte 0 has left the cache, its first poll produces the document again, or, without a replay, yields
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
///     .max_productions(NonZeroUsize::new(2).unwrap())
///     .lag_policy(LagPolicy::Patience { limit: Duration::from_secs(1), then: AfterPatience::Replay })
///     // .timer(TokioTimer::new()): policies that wait need a clock (feature `tokio-time`)
///     .build_replayable(document);
/// assert_eq!(tee.statistics().bytes_produced, 0);
/// ```
#[derive(Debug)]
#[must_use]
pub struct TeeBuilder<E> {
    window: usize,
    max_productions: NonZeroUsize,
    lag_policy: LagPolicy,
    timer: Option<Arc<dyn Timer>>,
    chunk_size: usize,
    length: Option<u64>,
    error: PhantomData<fn() -> E>,
}

impl<E> TeeBuilder<E> {
    fn new() -> Self {
        Self {
            window: DEFAULT_WINDOW,
            max_productions: DEFAULT_MAX_PRODUCTIONS,
            lag_policy: LagPolicy::Account,
            timer: None,
            chunk_size: DEFAULT_CHUNK_SIZE,
            length: None,
            error: PhantomData,
        }
    }

    /// Sets how many bytes the tee keeps for its branches; 1 MiB by default, at least 1.
    ///
    /// This limits how far apart the readers of one production may be. Several productions share the budget. A chunk is produced
    /// only while the cache holds fewer bytes than this, or when all readers of that production have read what it yielded. So the
    /// cache never holds more than this and one chunk for each production. Chunks that everybody has read stay while there is
    /// space, for branches that join later or come from another production. The cache also holds at most one chunk for
    /// each 512 bytes of the budget (at least 64), which bounds the bookkeeping.
    ///
    /// Chunks count by their length, but a `Bytes` that is a slice keeps all of its allocation alive. If the chunks of a source are
    /// slices of something larger, copy them (`source.map_ok(|chunk| Bytes::copy_from_slice(&chunk))`).
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.max(1);
        self
    }

    /// Sets how many productions may run at the same time; 8 by default.
    ///
    /// This also bounds the work: a production starts only if all productions together then yield the document at most this often.
    /// Otherwise readers ride on the nearest production behind them, and those of the rearmost one wait for one another. A
    /// reader that was let go and comes back behind all productions waits for as long as producing has taken so far. Then the
    /// nearest production starts again at the offset of that reader, and serves all readers that wait nearby.
    pub fn max_productions(mut self, productions: NonZeroUsize) -> Self {
        self.max_productions = productions;
        self
    }

    /// Sets the policy of branches that have none of their own; [`LagPolicy::Account`] by default.
    pub fn lag_policy(mut self, policy: LagPolicy) -> Self {
        self.lag_policy = policy;
        self
    }

    /// Sets the clock. Without one, no branch waits for another that can continue elsewhere.
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// Sets the size of the chunks of branches that have a [`tail`](crate::BranchOptions::tail); 64 KiB by default. Use the chunk
    /// size of the source.
    pub fn chunk_size(mut self, bytes: NonZeroUsize) -> Self {
        self.chunk_size = bytes.get();
        self
    }

    /// Declares the length of the document, so that branches have an exact size hint from the start. A production that
    /// yields another length fails with [`Diverged`](crate::TeeError::Diverged).
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// Creates a tee from a stream that cannot be produced again. The stream is first polled when a branch is.
    pub fn build(self, source: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Tee<E> {
        self.make(Box::pin(source), None)
    }

    /// Creates a tee from a document that can be produced any number of times: `produce` returns the rest of it from an offset.
    ///
    /// This calls `produce` with 0 at once, and later with the offset of a branch that was let go or joined late. Each production
    /// must yield the same bytes. If a source cannot guarantee that, wrap it in `verified` (feature `verify`).
    pub fn build_replayable<S>(self, produce: impl Fn(u64) -> S + Send + Sync + 'static) -> Tee<E>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    {
        let source = Box::pin(produce(0));
        self.make(
            source,
            Some(Box::new(move |offset| Box::pin(produce(offset)))),
        )
    }

    fn make(self, source: ChunkStream<E>, replay: Option<ReplayFn<E>>) -> Tee<E> {
        let settings = Settings {
            window: self.window,
            window_chunks: (self.window / BYTES_PER_CHUNK).max(LEAST_CHUNKS),
            max_productions: self.max_productions.get(),
            can_replay: replay.is_some(),
            timed: self.timer.is_some(),
            lag_policy: self.lag_policy,
        };
        Tee {
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(settings, self.length, source)),
                timer: self.timer,
                replay,
                chunk_size: self.chunk_size,
            }),
        }
    }
}
