use crate::Recorder;
use crate::ending::Watch;
use bytes::Buf;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

pin_project! {
    /// A stream of chunks that reports what happened to it, exactly once.
    ///
    /// This is [`MeasuredBody`](crate::MeasuredBody) for a `Stream<Item = Result<D, E>>` with `D: Buf`. It
    /// forwards items and `size_hint`. An error ends the document: it is reported as
    /// [`Ending::Failed`](crate::Ending::Failed), and the inner stream is not polled again. A stream
    /// that is dropped after its `size_hint` reported that no item follows is
    /// [`Complete`](crate::Ending::Complete).
    ///
    /// # Panics
    ///
    /// Polling panics again after a poll of the inner stream has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use measured_body::{Ending, MeasuredStream, Measurements};
    /// use std::sync::mpsc;
    ///
    /// let (reports, report) = mpsc::channel();
    /// let chunks = stream::iter([Ok(Bytes::from_static(b"{")), Err("the database went away")]);
    /// let chunks = MeasuredStream::new(chunks, move |measurements: &Measurements| {
    ///     reports.send(measurements.clone()).unwrap();
    /// });
    /// assert_eq!(chunks.count().now_or_never(), Some(2));
    ///
    /// let report = report.recv().unwrap();
    /// assert_eq!(report.ending, Ending::Failed);
    /// assert_eq!(report.bytes, 1);
    /// ```
    pub struct MeasuredStream<S, R: Recorder, C: Fn() -> Instant = fn() -> Instant> {
        // Dropped before the stream, so that the time of its drop is not measured.
        watch: Watch<R, C>,
        #[pin]
        stream: S,
    }
}

impl<S, R: Recorder> MeasuredStream<S, R> {
    /// Starts to measure `stream`, with [`Instant::now`] as the clock.
    pub fn new(stream: S, recorder: R) -> Self {
        Self::with_clock(stream, recorder, Instant::now)
    }
}

impl<S, R: Recorder, C: Fn() -> Instant> MeasuredStream<S, R, C> {
    /// Starts to measure `stream`, with another clock. See
    /// [`MeasuredBody::with_clock`](crate::MeasuredBody::with_clock).
    pub fn with_clock(stream: S, recorder: R, clock: C) -> Self {
        Self {
            watch: Watch::new(recorder, clock),
            stream,
        }
    }

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

    /// Stops measuring and returns the inner stream.
    ///
    /// If the report has not been made, it is made now, as in a drop.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S, D, E, R, C> Stream for MeasuredStream<S, R, C>
where
    S: Stream<Item = Result<D, E>>,
    D: Buf,
    R: Recorder,
    C: Fn() -> Instant,
{
    type Item = Result<D, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if !this.watch.begin() {
            return Poll::Ready(None);
        }
        let polled = this.stream.as_mut().poll_next(cx);
        match &polled {
            Poll::Pending => this.watch.pending(),
            Poll::Ready(Some(Ok(chunk))) => {
                let last = this.stream.size_hint().1 == Some(0);
                this.watch.chunk(chunk.remaining(), last);
            }
            Poll::Ready(Some(Err(_))) => this.watch.failed(),
            Poll::Ready(None) => this.watch.ended(),
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.watch.is_closed() {
            (0, Some(0))
        } else {
            self.stream.size_hint()
        }
    }
}

impl<S, D, E, R, C> FusedStream for MeasuredStream<S, R, C>
where
    S: Stream<Item = Result<D, E>>,
    D: Buf,
    R: Recorder,
    C: Fn() -> Instant,
{
    fn is_terminated(&self) -> bool {
        self.watch.is_closed()
    }
}

impl<S: fmt::Debug, R: Recorder, C: Fn() -> Instant> fmt::Debug for MeasuredStream<S, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredStream")
            .field("watch", &self.watch)
            .field("stream", &self.stream)
            .finish()
    }
}
