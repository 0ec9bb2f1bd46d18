use crate::recorder::contain_panics;
use crate::timeline::{Timeline, Turn};
use crate::{Ending, Recorder};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Watches a source and makes its only report: at the end, at an error, or in `drop`.
///
/// This is the drop guard of [`MeasuredBody`](crate::MeasuredBody) and
/// [`MeasuredStream`](crate::MeasuredStream). Call [`begin`](Self::begin) before each poll of the
/// source, then exactly one of the methods for what the poll returned. A poll that unwinds calls none
/// of them. This is detected later and counts as a failure.
pub(crate) struct Watch<R: Recorder, C: Fn() -> Instant> {
    clock: C,
    timeline: Timeline,
    /// Taken by the report.
    recorder: Option<R>,
    gate: Gate,
    poll_began: Instant,
    /// The ending to report if the source is dropped now.
    if_dropped: Ending,
    /// Whether the last poll returned a chunk.
    is_at_chunk: bool,
    /// Whether `is_end_stream` has returned true since that poll. Atomic because `is_end_stream` takes `&self`.
    end_was_seen: AtomicBool,
}

impl<R: Recorder, C: Fn() -> Instant> Watch<R, C> {
    pub(crate) fn new(recorder: R, clock: C) -> Self {
        let created = clock();
        Self {
            clock,
            timeline: Timeline::new(created),
            recorder: Some(recorder),
            gate: Gate::Open,
            poll_began: created,
            if_dropped: Ending::NeverPolled,
            is_at_chunk: false,
            end_was_seen: AtomicBool::new(false),
        }
    }

    /// Begins a poll of the source. Returns `false` if the source has ended and must not be polled.
    #[track_caller]
    pub(crate) fn begin(&mut self) -> bool {
        if self.gate.is_poisoned() {
            self.report_panic();
        }
        self.is_at_chunk = false;
        *self.end_was_seen.get_mut() = false;
        let open = self.gate.enter();
        if open {
            self.poll_began = (self.clock)();
        }
        open
    }

    /// The poll returned `Pending`.
    pub(crate) fn pending(&mut self) {
        self.end_poll(Turn::Producer);
        // A consumer that polls beyond the length and must wait has not seen the end, even if it has
        // all the data: trailers may follow. Nothing follows trailers.
        if self.if_dropped != Ending::Trailers {
            self.if_dropped = Ending::Cancelled;
        }
        self.gate.leave();
    }

    /// The poll returned a chunk of this many bytes. `last` tells whether the source reports that it is the last.
    pub(crate) fn chunk(&mut self, bytes: usize, last: bool) {
        self.end_poll(Turn::Consumer);
        self.timeline.chunk(bytes);
        self.is_at_chunk = true;
        self.if_dropped = if last {
            Ending::Complete
        } else {
            Ending::Cancelled
        };
        self.gate.leave();
    }

    /// The poll returned trailers.
    pub(crate) fn trailers(&mut self) {
        self.end_poll(Turn::Consumer);
        self.if_dropped = Ending::Trailers;
        self.gate.leave();
    }

    /// The poll returned a frame that is neither data nor trailers.
    pub(crate) fn unknown(&mut self) {
        self.end_poll(Turn::Consumer);
        self.if_dropped = Ending::Cancelled;
        self.gate.leave();
    }

    /// The poll returned an error.
    pub(crate) fn failed(&mut self) {
        self.end_poll(Turn::Consumer);
        self.gate.close();
        self.report(Ending::Failed);
    }

    /// The poll returned the end.
    pub(crate) fn ended(&mut self) {
        self.gate.close();
        if self.if_dropped.is_whole() {
            // The end was already known. This poll adds nothing.
            self.report(self.if_dropped);
        } else {
            self.end_poll(Turn::Consumer);
            self.report(Ending::Complete);
        }
    }

    /// `is_end_stream` returned true, so the consumer need not poll again.
    ///
    /// The source may not have known this when it returned the last chunk, if another reader of it has found the end since.
    /// After a poll that returned `Pending`, this has no effect; see [`pending`](Self::pending).
    pub(crate) fn end_seen(&self) {
        self.end_was_seen.store(self.is_at_chunk, Ordering::Relaxed);
    }

    /// Returns whether the source has returned the end or an error.
    pub(crate) fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// Returns whether a poll of the source panicked.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.gate.is_poisoned()
    }

    fn end_poll(&mut self, next: Turn) {
        let now = (self.clock)();
        self.timeline.poll(self.poll_began, now, next);
    }

    fn report_panic(&mut self) {
        if self.recorder.is_some() {
            self.end_poll(Turn::Consumer);
            self.report(Ending::Failed);
        }
    }

    fn report_drop(&mut self) {
        if self.gate.is_poisoned() {
            self.report_panic();
        } else if self.recorder.is_some() {
            if *self.end_was_seen.get_mut() {
                self.if_dropped = Ending::Complete;
            }
            if !self.if_dropped.is_whole() {
                let now = (self.clock)();
                self.timeline.turn_to(Turn::Consumer, now);
            }
            self.report(self.if_dropped);
        }
    }

    fn report(&mut self, ending: Ending) {
        if let Some(recorder) = self.recorder.take() {
            let measurements = self.timeline.measurements(ending);
            contain_panics(|| recorder.record(&measurements));
        }
    }
}

impl<R: Recorder, C: Fn() -> Instant> Drop for Watch<R, C> {
    fn drop(&mut self) {
        // Contain all of it: the clock is the user's code too, and a drop may happen while unwinding.
        contain_panics(|| self.report_drop());
    }
}

impl<R: Recorder, C: Fn() -> Instant> fmt::Debug for Watch<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("timeline", &self.timeline)
            .field("reported", &self.recorder.is_none())
            .field("gate", &self.gate)
            .field("if_dropped", &self.if_dropped)
            .finish()
    }
}

/// Whether the source may be polled. It keeps ended sources ended, and remembers a panic.
///
/// A poll that unwinds never reaches [`leave`](Gate::leave). So if the gate is still entered, the source
/// has panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Entered,
    Closed,
}

impl Gate {
    /// Begins a poll of the source. Returns `false` if the source has ended and must not be polled.
    ///
    /// # Panics
    ///
    /// If the source has panicked. There is no error value to return, and whatever the source returns
    /// next could look like a clean end.
    #[inline]
    #[track_caller]
    pub(crate) fn enter(&mut self) -> bool {
        assert!(
            *self != Self::Entered,
            "polled again after a poll of the source panicked"
        );
        if *self == Self::Closed {
            return false;
        }
        *self = Self::Entered;
        true
    }

    /// Ends a poll that another may follow.
    #[inline]
    pub(crate) fn leave(&mut self) {
        *self = Self::Open;
    }

    /// Ends a poll that returned the end or an error.
    #[inline]
    pub(crate) fn close(&mut self) {
        *self = Self::Closed;
    }

    /// Returns whether the source has panicked. Only meaningful outside a poll.
    #[inline]
    pub(crate) fn is_poisoned(self) -> bool {
        self == Self::Entered
    }

    /// Returns whether the source has returned the end or an error.
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self == Self::Closed
    }
}
