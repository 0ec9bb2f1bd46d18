use std::time::Instant;

use crate::{Sleep, Timer};

/// Tokio's clock and time driver, also when it is paused.
///
/// Branches that wait for one another must then be polled inside a tokio runtime whose time driver is enabled.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer(());

impl TokioTimer {
    /// Makes one. It holds nothing: the runtime is that of whoever polls a branch.
    pub fn new() -> Self {
        Self(())
    }
}

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }
}
