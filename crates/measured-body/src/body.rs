use crate::watch::Watch;
use crate::{Clock, Recorder, SystemClock};
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A body that reports, exactly once, what happened to it.
    ///
    /// Everything is forwarded: frames of every kind as they are, `size_hint` and `is_end_stream`
    /// (so that an exact length stays a `Content-Length`, and a client that knows the length stops
    /// when it has been sent). The report is made in the poll that returns the end or an error, or
    /// in the drop of a body that has reached neither; see [`Ending`](crate::Ending).
    ///
    /// After the end or an error the inner body is not polled again: the answer stays `None`.
    ///
    /// # Cost
    ///
    /// Two readings of the clock and some additions for each poll; no allocation, no lock.
    /// `cargo bench -p measured-body` compares it with the bare body.
    ///
    /// # Panics
    ///
    /// When it is polled again after a poll of the inner body panicked. The panic has then been
    /// reported as [`Ending::Failed`](crate::Ending::Failed); to go on could make a body that is not
    /// whole look whole.
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
    /// // In life an HTTP client does this.
    /// body.collect().now_or_never().unwrap().unwrap();
    ///
    /// let report = report.recv().unwrap();
    /// assert_eq!(report.ending, Ending::Complete);
    /// assert_eq!(report.bytes, 2);
    /// ```
    pub struct MeasuredBody<B, R: Recorder, C: Clock = SystemClock> {
        // Before the body, so that the time its drop takes is not measured.
        watch: Watch<R, C>,
        #[pin]
        body: B,
    }
}

impl<B, R: Recorder> MeasuredBody<B, R> {
    /// Measures `body` from now on, by the clock of the operating system.
    pub fn new(body: B, recorder: R) -> Self {
        Self::with_clock(body, recorder, SystemClock)
    }
}

impl<B, R: Recorder, C: Clock> MeasuredBody<B, R, C> {
    /// Measures `body` from now on, by this clock.
    pub fn with_clock(body: B, recorder: R, clock: C) -> Self {
        Self {
            watch: Watch::new(recorder, clock),
            body,
        }
    }

    /// The inner body.
    pub fn get_ref(&self) -> &B {
        &self.body
    }

    /// The inner body. What is taken from it directly is not measured.
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.body
    }

    /// The inner body, pinned. What is taken from it directly is not measured.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut B> {
        self.project().body
    }

    /// Ends the measuring and gives back the inner body.
    ///
    /// The report, if it has not been made, is made now and is that of a drop at this moment:
    /// usually [`Cancelled`](crate::Ending::Cancelled) or
    /// [`NeverPolled`](crate::Ending::NeverPolled), whatever becomes of the body afterwards.
    pub fn into_inner(self) -> B {
        self.body
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B: Body, R: Recorder, C: Clock> Body for MeasuredBody<B, R, C> {
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
            self.watch.tell_end();
        }
        is_end
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug, R: Recorder, C: Clock> fmt::Debug for MeasuredBody<B, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredBody")
            .field("watch", &self.watch)
            .field("body", &self.body)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Ending, ManualClock, MeasuredBody, Measurements};
    use bytes::Bytes;
    use http_body::{Body, Frame, SizeHint};
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    /// Takes some time for each poll, and then does as it was told.
    struct Script {
        clock: ManualClock,
        steps: VecDeque<(u64, Poll<&'static str>)>,
    }

    impl Body for Script {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            let Some((milliseconds, step)) = self.steps.pop_front() else {
                return Poll::Ready(None);
            };
            self.clock.advance(Duration::from_millis(milliseconds));
            step.map(|chunk| Some(Ok(Frame::data(Bytes::from_static(chunk.as_bytes())))))
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::default()
        }
    }

    /// A body of one chunk, of which it becomes known only later that nothing follows.
    #[derive(Default)]
    struct LateEnd {
        is_known: bool,
        chunks: usize,
    }

    impl Body for LateEnd {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            self.chunks += 1;
            match self.chunks {
                1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"all"))))),
                _ => Poll::Pending,
            }
        }

        fn is_end_stream(&self) -> bool {
            self.is_known
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::default()
        }
    }

    #[test]
    fn an_end_that_the_consumer_was_told_after_the_last_chunk_is_one() {
        // Whether it asks, whether the end is known by then, and whether it polls once more.
        for (asks, is_known, polls_again, expected) in [
            (true, true, false, Ending::Complete),
            (true, false, false, Ending::Cancelled),
            (false, true, false, Ending::Cancelled),
            (true, true, true, Ending::Cancelled),
        ] {
            let reports = Rc::new(RefCell::new(Vec::new()));
            let recorder = {
                let reports = reports.clone();
                move |measurements: &Measurements| reports.borrow_mut().push(measurements.ending)
            };
            let mut body = MeasuredBody::new(LateEnd::default(), recorder);
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut body).poll_frame(&mut cx);
            body.get_mut().is_known = is_known;
            if asks {
                assert_eq!(body.is_end_stream(), is_known);
            }
            if polls_again {
                let _ = Pin::new(&mut body).poll_frame(&mut cx);
            }
            drop(body);
            assert_eq!(*reports.borrow(), [expected]);
        }
    }

    #[test]
    fn every_moment_is_attributed_to_one_of_three() {
        let clock = ManualClock::new();
        let reports = Rc::new(RefCell::new(Vec::new()));
        let script = Script {
            clock: clock.clone(),
            steps: VecDeque::from([
                (1, Poll::Pending),
                (2, Poll::Ready("")),
                (4, Poll::Ready("four")),
                (8, Poll::Ready("eleven more")),
            ]),
        };
        let recorder = {
            let reports = reports.clone();
            move |measurements: &Measurements| reports.borrow_mut().push(measurements.clone())
        };
        let mut body = MeasuredBody::with_clock(script, recorder, clock.clone());
        for wait in [100, 10_000, 1_000, 2_000, 4_000] {
            clock.advance(Duration::from_millis(wait));
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut body).poll_frame(&mut cx);
        }
        clock.advance(Duration::from_millis(50_000));
        drop(body);

        let ms = Duration::from_millis;
        let mut expected = Measurements::new(Ending::Complete);
        expected.bytes = 15;
        expected.chunks = 3;
        expected.largest_chunk = 11;
        expected.to_first_poll = Some(ms(100));
        expected.to_first_data = Some(ms(1 + 10_000 + 2 + 1_000 + 4));
        expected.transmission = Some(ms(17_015));
        expected.busy = ms(15);
        expected.producer_wait = ms(10_000);
        expected.consumer_wait = ms(7_000);
        expected.total = ms(17_115);
        assert_eq!(*reports.borrow(), [expected]);
    }
}
