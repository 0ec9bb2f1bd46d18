use std::fmt;
use std::time::Duration;

/// What happened to one body, from its creation to its end.
///
/// # Where the time goes
///
/// ```text
/// created        first poll                                             end
///    ├─ to_first_poll ─┼──────────────────── transmission ───────────────┤
///    │                 │ busy │ producer_wait │ busy │ consumer_wait │ … │
///    ├──────────────────────────── total ────────────────────────────────┤
/// ```
///
/// From the first poll on, each moment counts as exactly one of three. If the clock never goes
/// backwards, `busy + producer_wait + consumer_wait == transmission`:
///
/// - **busy**: a poll of the body is running. This thread is working.
/// - **producer wait**: the last poll returned `Pending`. The consumer waits for data, so *we* are
///   slow. This includes the time until the consumer's task runs after it has been woken.
/// - **consumer wait**: the last poll returned data, and the next poll has not started. Data is
///   available and not taken, so *they* are slow, or the network is.
///
/// # Limits
///
/// - The body cannot see the wire. A client keeps data in its own buffers and in those of the
///   socket. So the end is when the client took the last byte, not when the peer received it. A peer
///   that stalls shows as consumer wait only once those buffers are full (some hundred KiB, megabytes
///   on a fast path).
/// - [`bytes`](Self::bytes) counts data as the body returns it: before any later framing, encryption
///   or compression, and without trailers.
/// - Consumer wait includes everything else that the consumer's task does between two polls.
/// - A dropped body does not know the reason: a timeout, a closed connection and a caller that lost
///   interest are all [`Ending::Cancelled`].
///
/// The type is `#[non_exhaustive]`. To create one, for example to test a recorder, call
/// [`new`](Self::new) and set its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurements {
    /// How the body ended.
    pub ending: Ending,
    /// Bytes of data that the body returned ([`Buf::remaining`](bytes::Buf::remaining) of each chunk).
    pub bytes: u64,
    /// Chunks (data frames or items) that the body returned, including empty ones.
    pub chunks: u64,
    /// Size of the largest chunk in bytes.
    pub largest_chunk: u64,
    /// From creation to the start of the first poll. `None` if there was no poll.
    pub to_first_poll: Option<Duration>,
    /// From the start of the first poll to the end of the poll that returned the first byte.
    /// `None` if there was no data; an empty chunk does not count.
    pub to_first_data: Option<Duration>,
    /// From the start of the first poll to the end. `None` if there was no poll.
    ///
    /// The end is when the body returned the last data or the trailers, if it reported then that
    /// nothing follows. Otherwise it is the end of the poll that returned `None` or an error, or the
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
    /// Creates measurements with this ending, and zero or `None` everywhere else.
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
    /// The body is complete: it returned `None`, or it was dropped after it had reported its end or
    /// reached its known length.
    Complete,
    /// The body is complete and ended with trailers.
    Trailers,
    /// The body returned an error, or panicked.
    Failed,
    /// The body was dropped after its first poll and before it was complete.
    Cancelled,
    /// The body was dropped before its first poll.
    ///
    /// An empty body often ends like this in a successful request, because a client need not poll a
    /// body whose `is_end_stream` is true.
    NeverPolled,
}

impl Ending {
    /// All endings in the order of their declaration, for example to prepare a metric for each.
    pub const ALL: [Self; 5] = [
        Self::Complete,
        Self::Trailers,
        Self::Failed,
        Self::Cancelled,
        Self::NeverPolled,
    ];

    /// Returns the name used in events and as an attribute of metrics: `complete`, `trailers`,
    /// `failed`, `cancelled` or `never_polled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Trailers => "trailers",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NeverPolled => "never_polled",
        }
    }

    /// Returns whether the body is complete: [`Complete`](Self::Complete) or
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
