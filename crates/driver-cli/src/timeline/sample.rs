use std::time::Duration;

/// How many bytes had been taken at an instant, counted from the run's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) bytes: u64,
}
