use std::{fmt, num::NonZeroUsize, sync::Arc};

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    LagPolicy, Tee, Timer,
    hashing::Hashing,
    producer::Producer,
    shared::{ReplayFn, Shared},
    signal::Signal,
    state::{Settings, State},
};

const DEFAULT_WINDOW: usize = 1024 * 1024;
const DEFAULT_CHUNK_SIZE: usize = 64 * 1024;
const DEFAULT_MAXIMUM_CURSORS: usize = 4;

/// A chunk costs the window about as much as this many bytes in bookkeeping, in the worst case of chunks of one byte.
const BYTES_PER_CHUNK: usize = 512;
const LEAST_CHUNKS: usize = 64;

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
    pub(crate) fn new() -> Self {
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

    /// How many bytes one window keeps for its branches; 1 MiB by default, at least 1.
    ///
    /// A chunk is produced only while its window holds fewer bytes than this, so a window never holds more than this and
    /// one chunk less a byte. A window that this is a multiple of the chunk size for is exact. Chunks that everybody has read are
    /// kept for as long as there is room: for branches that join later, and for those that come from another cursor. The
    /// bookkeeping is bounded too: a window holds at most one chunk for each 512 bytes of its budget (64 at least).
    ///
    /// What counts is the length of the chunks. A `Bytes` keeps the whole allocation alive that it is a slice of: if the chunks
    /// of a source are slices of something larger, copy them (`source.map_ok(|chunk| Bytes::copy_from_slice(&chunk))`).
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.max(1);
        self
    }

    /// How many productions may run at the same time; 4 by default. Each has a window of its own.
    ///
    /// When there are as many, readers that are merely slow ride together on the last one and wait for one another, each
    /// for no longer than its patience or 500 ms at a time, whichever is longer.
    #[must_use]
    pub fn maximum_cursors(mut self, cursors: NonZeroUsize) -> Self {
        self.maximum_cursors = cursors;
        self
    }

    /// The policy of branches that have none of their own. See [`LagPolicy`] for the one that holds without this.
    #[must_use]
    pub fn lag_policy(mut self, policy: LagPolicy) -> Self {
        self.lag_policy = Some(policy);
        self
    }

    /// Where the time comes from. Without it, [`Patience`](LagPolicy::Patience) counts as spent from the start, since
    /// nobody could say when it is.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// How the document is produced again, from an offset on, for branches that lag or join late.
    ///
    /// The offset is where a block begins, a multiple of 64 KiB: what the branch has read of that block is produced again to be
    /// compared, and discarded.
    ///
    /// It must yield the same bytes. That is checked by a hash for each 64 KiB (coarser beyond 256 MiB; 32 KiB of hashes at most), as
    /// far as blocks were produced from end to end before: a block that differs ends its branches with
    /// [`Diverged`](crate::TeeError::Diverged). The hashes (XXH64) are only made where there is a replay.
    #[must_use]
    pub fn replay<S>(mut self, replay: impl Fn(u64) -> S + Send + Sync + 'static) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    {
        self.replay = Some(Box::new(move |offset| Box::pin(replay(offset))));
        self
    }

    /// The size of the chunks of a branch that has a [`tail`](crate::BranchOptions::tail); 64 KiB by default. It should be
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

    /// Makes the tee. Nothing is polled before a branch is.
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
            ride_limit: if timed {
                LagPolicy::DEFAULT_PATIENCE
            } else {
                std::time::Duration::ZERO
            },
            lead: (self.window / 4).max(1) as u64,
        };
        let hashing = can_replay.then(|| Box::new(Hashing::new(0)));
        let source = Producer::new(Box::pin(source), Arc::clone(&signal), hashing);
        let state = State::new(settings, self.length, source, signal);
        Tee::new(Arc::new(Shared::new(
            state,
            self.timer,
            self.replay,
            self.chunk_size,
        )))
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
