use crate::ending::Gate;
use crate::recorder::contain_panics;
use crate::timeline::Turn;
use bytes::Buf;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Adds up the cost of producing a document, over all polls and all productions.
///
/// [`MeasuredBody`](crate::MeasuredBody) measures the consuming side; this measures the producing side.
/// A document that is serialised in pieces on demand, perhaps more than once, has no single start and
/// end. So the meter adds up the time inside the polls of its source. [`busy`](Self::busy) is the time
/// that serialising took. It excludes the time spent [`waiting`](Self::waiting) for input, and the time
/// in which no reader requested a chunk.
///
/// Clones share one set of sums. Any thread may read them at any time. While productions run, two sums
/// read one after the other may belong to different moments, and no sum includes the running poll.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use futures_util::{FutureExt, StreamExt, stream};
/// use measured_body::ProductionMeter;
///
/// let meter = ProductionMeter::new();
/// // Call this for each production: at the start, for a retry, for a reader that lagged.
/// let produce = || meter.measure(stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{}"))]));
/// produce().count().now_or_never();
/// produce().count().now_or_never();
/// assert_eq!((meter.productions(), meter.bytes()), (2, 4));
/// ```
pub struct ProductionMeter<C: Fn() -> Instant = fn() -> Instant> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    clock: C,
    busy: Nanoseconds,
    waiting: Nanoseconds,
    bytes: AtomicU64,
    productions: AtomicU64,
}

/// A sum of durations. It wraps after 584 years.
#[derive(Default)]
struct Nanoseconds(AtomicU64);

impl Nanoseconds {
    fn add(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl ProductionMeter {
    /// Creates a meter with [`Instant::now`] as the clock. All sums are zero.
    pub fn new() -> Self {
        Self::with_clock(Instant::now)
    }
}

impl<C: Fn() -> Instant> ProductionMeter<C> {
    /// Creates a meter with another clock. All sums are zero.
    pub fn with_clock(clock: C) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                busy: Nanoseconds::default(),
                waiting: Nanoseconds::default(),
                bytes: AtomicU64::new(0),
                productions: AtomicU64::new(0),
            }),
        }
    }

    /// Measures one production of the document. Its cost is added while it runs.
    pub fn measure<S>(&self, stream: S) -> MeteredProduction<S, C> {
        MeteredProduction {
            tally: Tally {
                since: (self.shared.clock)(),
                meter: self.clone(),
                gate: Gate::Open,
                turn: Turn::NotStarted,
            },
            stream,
        }
    }

    /// Returns the time inside polls of the source: the work of producing.
    pub fn busy(&self) -> Duration {
        self.shared.busy.get()
    }

    /// Returns the time from each poll that returned `Pending` to the next poll or the drop. The source
    /// waited for its own input. The times of productions that wait concurrently are added up.
    pub fn waiting(&self) -> Duration {
        self.shared.waiting.get()
    }

    /// Returns the bytes produced, over all productions. Divide them by the length of the document to
    /// get how often it was produced.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of productions that have been polled.
    pub fn productions(&self) -> u64 {
        self.shared.productions.load(Ordering::Relaxed)
    }
}

impl<C: Fn() -> Instant> Clone for ProductionMeter<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Default for ProductionMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Fn() -> Instant> fmt::Debug for ProductionMeter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProductionMeter")
            .field("busy", &self.busy())
            .field("waiting", &self.waiting())
            .field("bytes", &self.bytes())
            .field("productions", &self.productions())
            .finish()
    }
}

/// Adds the cost of one production to its meter. The drop guard of [`MeteredProduction`].
struct Tally<C: Fn() -> Instant> {
    meter: ProductionMeter<C>,
    gate: Gate,
    /// What the time since `since` counts as.
    turn: Turn,
    since: Instant,
}

impl<C: Fn() -> Instant> Tally<C> {
    fn turn_to(&mut self, next: Turn) {
        let shared = &self.meter.shared;
        let now = (shared.clock)();
        let elapsed = now.saturating_duration_since(self.since);
        match self.turn {
            Turn::Busy => shared.busy.add(elapsed),
            Turn::Producer => shared.waiting.add(elapsed),
            Turn::NotStarted | Turn::Consumer => {}
        }
        self.since = self.since.max(now);
        self.turn = next;
    }

    /// Begins a poll of the source. Returns `false` if the source has ended and must not be polled.
    #[track_caller]
    fn begin(&mut self) -> bool {
        let open = self.gate.enter();
        if open {
            if matches!(self.turn, Turn::NotStarted) {
                self.meter
                    .shared
                    .productions
                    .fetch_add(1, Ordering::Relaxed);
            }
            self.turn_to(Turn::Busy);
        }
        open
    }

    fn chunk(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.meter.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.turn_to(Turn::Consumer);
        self.gate.leave();
    }

    fn pending(&mut self) {
        self.turn_to(Turn::Producer);
        self.gate.leave();
    }

    fn end(&mut self) {
        self.turn_to(Turn::NotStarted);
        self.gate.close();
    }
}

impl<C: Fn() -> Instant> Drop for Tally<C> {
    fn drop(&mut self) {
        // The clock is the user's code, and a drop may happen while unwinding.
        contain_panics(|| self.turn_to(Turn::NotStarted));
    }
}

pin_project! {
    /// One production of a document, measured by a [`ProductionMeter`].
    ///
    /// It forwards chunks and `size_hint`. After the end or an error, the inner stream is not polled
    /// again. The bounds on `D` and `E` are those of [`MeasuredStream`](crate::MeasuredStream).
    ///
    /// # Panics
    ///
    /// Polling panics again after a poll of the inner stream has panicked.
    pub struct MeteredProduction<S, C: Fn() -> Instant = fn() -> Instant> {
        tally: Tally<C>,
        #[pin]
        stream: S,
    }
}

impl<S, C: Fn() -> Instant> MeteredProduction<S, C> {
    /// Returns the inner stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the inner stream. Items taken from it directly are not measured.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the inner stream, pinned. Items taken from it directly are not measured.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().stream
    }

    /// Stops measuring this production and returns the inner stream.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S, D, E, C> Stream for MeteredProduction<S, C>
where
    S: Stream<Item = Result<D, E>>,
    D: Buf,
    C: Fn() -> Instant,
{
    type Item = Result<D, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if !this.tally.begin() {
            return Poll::Ready(None);
        }
        let polled = this.stream.poll_next(cx);
        match &polled {
            Poll::Pending => this.tally.pending(),
            Poll::Ready(Some(Ok(chunk))) => this.tally.chunk(chunk.remaining()),
            Poll::Ready(Some(Err(_)) | None) => this.tally.end(),
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.tally.gate.is_closed() {
            (0, Some(0))
        } else {
            self.stream.size_hint()
        }
    }
}

impl<S, D, E, C> FusedStream for MeteredProduction<S, C>
where
    S: Stream<Item = Result<D, E>>,
    D: Buf,
    C: Fn() -> Instant,
{
    fn is_terminated(&self) -> bool {
        self.tally.gate.is_closed()
    }
}

impl<S: fmt::Debug, C: Fn() -> Instant> fmt::Debug for MeteredProduction<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredProduction")
            .field("gate", &self.tally.gate)
            .field("stream", &self.stream)
            .finish()
    }
}
