use crate::{Ending, Measurements};
use std::time::{Duration, Instant};

/// Adds up what happens to a body. It has no access to the body or the clock: the caller passes the instants.
#[derive(Debug)]
pub(crate) struct Timeline {
    created: Instant,
    first_poll: Option<Instant>,
    first_data: Option<Instant>,
    /// The time before this instant has been attributed.
    until: Instant,
    /// What the time since `until` counts as.
    turn: Turn,
    bytes: u64,
    chunks: u64,
    largest_chunk: u64,
    busy: Duration,
    producer_wait: Duration,
    consumer_wait: Duration,
}

/// Who is working, or being waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// Nobody: there has been no poll.
    NotStarted,
    /// The body, inside a poll.
    Busy,
    /// The producer, since a poll returned `Pending`.
    Producer,
    /// The consumer, since a poll returned a frame.
    Consumer,
}

impl Timeline {
    pub(crate) fn new(created: Instant) -> Self {
        Self {
            created,
            first_poll: None,
            first_data: None,
            until: created,
            turn: Turn::NotStarted,
            bytes: 0,
            chunks: 0,
            largest_chunk: 0,
            busy: Duration::ZERO,
            producer_wait: Duration::ZERO,
            consumer_wait: Duration::ZERO,
        }
    }

    /// Attributes the time up to `now` to the current turn, and starts the turn `next`.
    #[inline]
    pub(crate) fn turn_to(&mut self, next: Turn, now: Instant) {
        let elapsed = now.saturating_duration_since(self.until);
        match self.turn {
            Turn::NotStarted => {}
            Turn::Busy => self.busy += elapsed,
            Turn::Producer => self.producer_wait += elapsed,
            Turn::Consumer => self.consumer_wait += elapsed,
        }
        // Never go backwards, or time would count twice once the clock catches up.
        self.until = self.until.max(now);
        self.turn = next;
        if self.first_poll.is_none() && matches!(next, Turn::Busy) {
            self.first_poll = Some(self.until);
        }
    }

    /// Records a poll that began and ended at these instants. The turn `next` follows.
    #[inline]
    pub(crate) fn poll(&mut self, began: Instant, ended: Instant, next: Turn) {
        self.turn_to(Turn::Busy, began);
        self.turn_to(next, ended);
    }

    /// Records that the last poll returned a chunk of this many bytes.
    #[inline]
    pub(crate) fn chunk(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.chunks = self.chunks.saturating_add(1);
        self.largest_chunk = self.largest_chunk.max(bytes);
        if self.first_data.is_none() && bytes > 0 {
            self.first_data = Some(self.until);
        }
    }

    /// Returns what happened up to the last change of turns.
    pub(crate) fn measurements(&self, ending: Ending) -> Measurements {
        let since_first_poll = |moment: Instant| {
            self.first_poll
                .map(|first_poll| moment.saturating_duration_since(first_poll))
        };
        Measurements {
            ending,
            bytes: self.bytes,
            chunks: self.chunks,
            largest_chunk: self.largest_chunk,
            to_first_poll: self
                .first_poll
                .map(|first_poll| first_poll.saturating_duration_since(self.created)),
            to_first_data: self.first_data.and_then(since_first_poll),
            transmission: since_first_poll(self.until),
            busy: self.busy,
            producer_wait: self.producer_wait,
            consumer_wait: self.consumer_wait,
            total: self.until.saturating_duration_since(self.created),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Timeline, Turn};
    use crate::Ending;
    use std::time::{Duration, Instant};

    #[test]
    fn no_moment_counts_twice_when_the_clock_goes_back_and_catches_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timeline = Timeline::new(at(0));
        timeline.poll(at(1), at(5), Turn::Producer);
        timeline.poll(at(3), at(4), Turn::Consumer);
        timeline.poll(at(6), at(7), Turn::Consumer);
        let measurements = timeline.measurements(Ending::Cancelled);
        assert_eq!(measurements.busy, Duration::from_secs(5));
        assert_eq!(measurements.producer_wait, Duration::ZERO);
        assert_eq!(measurements.consumer_wait, Duration::from_secs(1));
        assert_eq!(measurements.transmission, Some(Duration::from_secs(6)));
    }
}
