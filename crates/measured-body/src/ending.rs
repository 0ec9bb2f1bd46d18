use std::fmt;

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
