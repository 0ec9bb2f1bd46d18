use crate::Recorder;
use crate::ending::Watch;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

pin_project! {
    /// A body that reports what happened to it, exactly once.
    ///
    /// It forwards frames of every kind, `size_hint` and `is_end_stream`. So an exact length stays a
    /// `Content-Length`, and a client that knows the length stops when it has been sent. The report is
    /// made in the poll that returns the end or an error, or in the drop of a body that has reached
    /// neither; see [`Ending`](crate::Ending).
    ///
    /// After the end or an error, the inner body is not polled again, and polls return `None`.
    ///
    /// # Cost
    ///
    /// Each poll reads the clock twice and does some additions. It does not allocate or lock.
    /// `cargo bench -p measured-body` compares it with the bare body.
    ///
    /// # Panics
    ///
    /// Polling panics again after a poll of the inner body has panicked. The first panic is reported as
    /// [`Ending::Failed`](crate::Ending::Failed). Continuing could make an incomplete body look
    /// complete.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::FutureExt;
    /// use http_body_util::{BodyExt, Full};
    /// use measured_body::{Ending, MeasuredBody, Measurements};
    /// use std::sync::mpsc;
    ///
    /// let (reports, report) = mpsc::channel();
    /// let body = MeasuredBody::new(
    ///     Full::new(Bytes::from_static(b"{}")),
    ///     move |measurements: &Measurements| reports.send(measurements.clone()).unwrap(),
    /// );
    /// // Usually, an HTTP client does this.
    /// body.collect().now_or_never().unwrap().unwrap();
    ///
    /// let report = report.recv().unwrap();
    /// assert_eq!(report.ending, Ending::Complete);
    /// assert_eq!(report.bytes, 2);
    /// ```
    pub struct MeasuredBody<B, R: Recorder, C: Fn() -> Instant = fn() -> Instant> {
        // Dropped before the body, so that the time of its drop is not measured.
        watch: Watch<R, C>,
        #[pin]
        body: B,
    }
}

impl<B, R: Recorder> MeasuredBody<B, R> {
    /// Starts to measure `body`, with [`Instant::now`] as the clock.
    pub fn new(body: B, recorder: R) -> Self {
        Self::with_clock(body, recorder, Instant::now)
    }
}

impl<B, R: Recorder, C: Fn() -> Instant> MeasuredBody<B, R, C> {
    /// Starts to measure `body`, with another clock. It is called once now and twice in each poll.
    ///
    /// The clock should be as cheap as [`Instant::now`]. A clock that goes backwards counts as standing still.
    ///
    /// # Examples
    ///
    /// Use the clock of a tokio runtime, which tests can pause:
    ///
    /// ```
    /// use measured_body::{MeasuredBody, Measurements};
    ///
    /// let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
    /// let recorder = |_: &Measurements| {};
    /// let clock = || tokio::time::Instant::now().into_std();
    /// drop(MeasuredBody::with_clock(body, recorder, clock));
    /// ```
    pub fn with_clock(body: B, recorder: R, clock: C) -> Self {
        Self {
            watch: Watch::new(recorder, clock),
            body,
        }
    }

    /// Returns the inner body.
    pub fn get_ref(&self) -> &B {
        &self.body
    }

    /// Returns the inner body. Frames taken from it directly are not measured.
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.body
    }

    /// Returns the inner body, pinned. Frames taken from it directly are not measured.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut B> {
        self.project().body
    }

    /// Stops measuring and returns the inner body.
    ///
    /// If the report has not been made, it is made now, as in a drop: usually
    /// [`Cancelled`](crate::Ending::Cancelled) or [`NeverPolled`](crate::Ending::NeverPolled),
    /// whatever happens to the body afterwards.
    pub fn into_inner(self) -> B {
        self.body
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B: Body, R: Recorder, C: Fn() -> Instant> Body for MeasuredBody<B, R, C> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        if !this.watch.begin() {
            return Poll::Ready(None);
        }
        let polled = this.body.as_mut().poll_frame(cx);
        match &polled {
            Poll::Pending => this.watch.pending(),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    let last =
                        this.body.is_end_stream() || this.body.size_hint().exact() == Some(0);
                    this.watch.chunk(data.remaining(), last);
                } else if frame.is_trailers() {
                    this.watch.trailers();
                } else {
                    this.watch.unknown();
                }
            }
            Poll::Ready(Some(Err(_))) => this.watch.failed(),
            Poll::Ready(None) => this.watch.ended(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let is_end = !self.watch.is_poisoned() && self.body.is_end_stream();
        if is_end {
            self.watch.end_seen();
        }
        is_end
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug, R: Recorder, C: Fn() -> Instant> fmt::Debug for MeasuredBody<B, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredBody")
            .field("watch", &self.watch)
            .field("body", &self.body)
            .finish()
    }
}
