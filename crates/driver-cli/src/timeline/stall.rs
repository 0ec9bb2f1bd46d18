use std::time::Duration;

/// No byte was taken, from one instant to another, counted from the run's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Stall {
    pub(super) fn length(self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}
