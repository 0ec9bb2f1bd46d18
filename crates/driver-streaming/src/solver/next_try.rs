use std::time::Duration;

use tokio::time::Instant;

/// Whether a request may be made again once it has come to nothing, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextTry {
    /// `None` when no retry is left.
    pause: Option<Duration>,
    deadline: Instant,
}

impl NextTry {
    pub(super) fn new(pause: Option<Duration>, deadline: Instant) -> Self {
        Self { pause, deadline }
    }

    /// When to make the request again that comes to nothing now, no sooner than was `asked_for`; `None` when it is not to
    /// be made again, since no retry is left or it would come too late.
    pub(super) fn after(&self, asked_for: Option<Duration>) -> Option<Instant> {
        let pause = self.pause?.max(asked_for.unwrap_or_default());
        // What no clock can tell is beyond every deadline.
        let then = Instant::now().checked_add(pause)?;
        (then < self.deadline).then_some(then)
    }
}
