use std::time::Duration;

use tokio::time::Instant;

/// When a solver must have answered, and whose limit that is.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) limit: &'static str,
}

impl Deadline {
    /// Of a solver in a run that has `started`: its `own` limit if that ends before the one `for_all`.
    pub(crate) fn new(started: Instant, for_all: Duration, own: Option<Duration>) -> Self {
        let (after, limit) = match own {
            Some(own) if own < for_all => (own, "the solver's own timeout"),
            _ => (for_all, "the deadline"),
        };
        let at = started + after;
        Self { at, limit }
    }
}
