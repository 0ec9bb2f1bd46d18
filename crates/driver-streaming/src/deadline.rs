use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Limits are instants once a run has begun, and no clock reaches as far as a duration.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A limit of which every clock can tell the end: a year at most.
pub(crate) fn bounded(limit: Duration) -> Duration {
    limit.min(LONGEST_LIMIT)
}

/// When a solver must have answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    /// It is the solver's own time limit, which ends before the deadline of all.
    is_own: bool,
}

impl Deadline {
    /// Of a solver in a run that has `started`: its `own` limit if that ends before the one `for_all`.
    pub(crate) fn new(started: Instant, for_all: Duration, own: Option<Duration>) -> Self {
        let own = own.filter(|own| *own < for_all);
        Self {
            at: started + own.unwrap_or(for_all),
            is_own: own.is_some(),
        }
    }

    pub(crate) fn at(self) -> Instant {
        self.at
    }

    /// What `future` comes to, unless the deadline comes first.
    pub(crate) async fn limit<F: Future>(self, future: F) -> Option<F::Output> {
        timeout_at(self.at, future).await.ok()
    }
}

/// Whose deadline it is.
impl fmt::Display for Deadline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_own {
            "the solver's own timeout"
        } else {
            "the deadline"
        })
    }
}
