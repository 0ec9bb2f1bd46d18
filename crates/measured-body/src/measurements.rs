use std::fmt;
use std::time::Duration;

/// What happened to one body, from its creation to its end.
///
/// # The time, divided
///
/// ```text
/// created        first poll                                             end
///    ├─ to_first_poll ─┼──────────────────── transmission ───────────────┤
///    │                 │ busy │ producer_wait │ busy │ consumer_wait │ … │
///    ├──────────────────────────── total ────────────────────────────────┤
/// ```
///
/// From the first poll on, every moment is exactly one of three, so that with a clock that never
/// goes backwards `busy + producer_wait + consumer_wait == transmission`:
///
/// - **busy**: a poll of the body is running. Work is being done on this thread.
/// - **producer wait**: the last poll returned `Pending`. The consumer wants data that is not there
///   yet: *we* are slow. Includes the time until the consumer's task runs after it has been woken.
/// - **consumer wait**: the last poll handed something over, and the next has not come. The data is
///   there and nobody takes it: *they* are slow, or the network is.
///
/// # What it cannot know
///
/// - Handed over is not on the wire. A client keeps what it is given in buffers of its own and in
///   the socket's, so the end here is when the client took the last byte, not when the peer had it;
///   a peer that stalls shows as consumer wait only once those buffers (some hundred KiB, megabytes
///   on a fast path) are full.
/// - [`bytes`](Self::bytes) counts data as it is handed over: before any framing, encryption or
///   compression that comes after, and without trailers.
/// - Consumer wait includes whatever else the consumer's task does between two polls.
/// - A body that is dropped does not say why: a timeout, a closed connection and a caller that lost
///   interest are all [`Ending::Cancelled`].
///
/// The type is `#[non_exhaustive]`: make one with [`new`](Self::new) and set its fields, for
/// example to test a recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurements {
    /// How the body ended.
    pub ending: Ending,
    /// Bytes of data handed over ([`Buf::remaining`](bytes::Buf::remaining) of each chunk).
    pub bytes: u64,
    /// Chunks (data frames, items) handed over, empty ones included.
    pub chunks: u64,
    /// Bytes in the largest chunk.
    pub largest_chunk: u64,
    /// From creation to the start of the first poll. `None` if there was none.
    pub to_first_poll: Option<Duration>,
    /// From the start of the first poll to the end of the poll that handed over the first byte.
    /// `None` if there was none; an empty chunk does not count.
    pub to_first_data: Option<Duration>,
    /// From the start of the first poll to the end. `None` if there was no poll.
    ///
    /// The end is when the last data (or the trailers) was handed over if the body could tell then
    /// that nothing would follow; else the end of the poll that returned `None` or an error, or the
    /// drop.
    pub transmission: Option<Duration>,
    /// Time in [`transmission`](Self::transmission) spent inside polls.
    pub busy: Duration,
    /// Time in [`transmission`](Self::transmission) spent waiting for the producer.
    pub producer_wait: Duration,
    /// Time in [`transmission`](Self::transmission) spent waiting for the consumer.
    pub consumer_wait: Duration,
    /// From creation to the end.
    pub total: Duration,
}

impl Measurements {
    /// Measurements of a body that ended so, with nothing handed over in no time.
    ///
    /// # Examples
    ///
    /// ```
    /// use measured_body::{Ending, Measurements};
    ///
    /// let mut measurements = Measurements::new(Ending::Complete);
    /// measurements.bytes = 8_500_000;
    /// assert_eq!(measurements.transmission, None);
    /// ```
    pub fn new(ending: Ending) -> Self {
        Self {
            ending,
            bytes: 0,
            chunks: 0,
            largest_chunk: 0,
            to_first_poll: None,
            to_first_data: None,
            transmission: None,
            busy: Duration::ZERO,
            producer_wait: Duration::ZERO,
            consumer_wait: Duration::ZERO,
            total: Duration::ZERO,
        }
    }
}

/// How a body ended.
///
/// # Examples
///
/// ```
/// use measured_body::Ending;
///
/// assert_eq!(Ending::NeverPolled.to_string(), "never_polled");
/// assert!(Ending::Trailers.is_whole());
/// assert!(!Ending::Cancelled.is_whole());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// Everything was handed over: the body said it was at its end, or its known length had been
    /// reached when it was dropped.
    Complete,
    /// Everything was handed over, trailers last.
    Trailers,
    /// The body returned an error, or panicked.
    Failed,
    /// The body was dropped after it had been polled and before it was whole.
    Cancelled,
    /// The body was dropped without having been polled once.
    ///
    /// An empty body often ends like this in a request that went well: a client that hears
    /// `is_end_stream() == true` has no reason to poll.
    NeverPolled,
}

impl Ending {
    /// Every ending, in the order of their declaration.
    ///
    /// For whoever prepares something for each of them in advance.
    pub const ALL: [Self; 5] = [
        Self::Complete,
        Self::Trailers,
        Self::Failed,
        Self::Cancelled,
        Self::NeverPolled,
    ];

    /// The name used in events and as an attribute of metrics: `complete`, `trailers`, `failed`,
    /// `cancelled` or `never_polled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Trailers => "trailers",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NeverPolled => "never_polled",
        }
    }

    /// Whether all of the body was handed over: [`Complete`](Self::Complete) or
    /// [`Trailers`](Self::Trailers).
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Complete | Self::Trailers)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Ending;

    #[test]
    fn names_are_those_that_dashboards_know() {
        let names = Ending::ALL.map(Ending::as_str);
        assert_eq!(
            names,
            [
                "complete",
                "trailers",
                "failed",
                "cancelled",
                "never_polled"
            ]
        );
    }

    #[test]
    fn display_honours_width() {
        assert_eq!(format!("{:>9}", Ending::Failed), "   failed");
    }
}
