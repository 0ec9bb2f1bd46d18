use std::time::{Duration, Instant};

/// What all waiting may cost before anything was produced, so that a reader that is merely not scheduled is not let go.
const ALLOWANCE: Duration = Duration::from_millis(10);

/// The account of waiting: producing earns, waiting for whoever holds others back spends.
///
/// So waiting never costs more than doing the work again would.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Account {
    produced_for: Duration,
    spent: Duration,
}

impl Account {
    /// A production took so long, pending or busy.
    pub(crate) fn earn(&mut self, time: Duration) {
        self.produced_for += time;
    }

    pub(crate) fn spend(&mut self, time: Duration) {
        // Whoever is polled late has not waited for others all that time.
        self.spent += time.min(self.credit());
    }

    /// All that was ever there to spend.
    pub(crate) fn earned(&self) -> Duration {
        self.produced_for + ALLOWANCE
    }

    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    pub(crate) fn credit(&self) -> Duration {
        self.earned().saturating_sub(self.spent)
    }

    pub(crate) fn produced_for(&self) -> Duration {
        self.produced_for
    }
}

/// The time between two instants; none without a clock.
pub(crate) fn between(since: Option<Instant>, now: Option<Instant>) -> Duration {
    match (since, now) {
        (Some(since), Some(now)) => now.saturating_duration_since(since),
        _ => Duration::ZERO,
    }
}
