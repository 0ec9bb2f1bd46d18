use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where the time comes from.
///
/// Read twice in each poll, so it should cost no more than [`Instant::now`] does. A clock that goes
/// backwards is taken to stand still.
///
/// # Examples
///
/// The clock of a tokio runtime, which stands still in tests that pause it:
///
/// ```
/// use measured_body::{Clock, MeasuredBody, Measurements};
/// use std::time::Instant;
///
/// struct TokioClock;
///
/// impl Clock for TokioClock {
///     fn now(&self) -> Instant {
///         tokio::time::Instant::now().into_std()
///     }
/// }
///
/// let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
/// let body = MeasuredBody::with_clock(body, |_: &Measurements| {}, TokioClock);
/// # drop(body);
/// ```
pub trait Clock {
    /// The present moment.
    fn now(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// The clock of the operating system, [`Instant::now`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that moves only when it is told to. For tests.
///
/// Clones share one time.
///
/// # Examples
///
/// ```
/// use measured_body::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let start = clock.now();
/// clock.clone().advance(Duration::from_secs(15));
/// assert_eq!(clock.now() - start, Duration::from_secs(15));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<Instant>>,
}

impl ManualClock {
    /// A clock that stands at the present moment.
    pub fn new() -> Self {
        Self {
            now: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Moves the clock, and all its clones, forward.
    ///
    /// # Panics
    ///
    /// When the moment it would stand at is beyond what [`Instant`] can say.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, ManualClock};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn stands_still_until_told() {
        let clock = ManualClock::default();
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn a_shared_clock_is_the_same_clock() {
        let clock = Arc::new(ManualClock::new());
        let by_reference: &ManualClock = &clock;
        let start = Clock::now(&clock);
        by_reference.advance(Duration::from_millis(3));
        assert_eq!(Clock::now(&clock) - start, Duration::from_millis(3));
        assert_eq!(Clock::now(&by_reference), Clock::now(&clock));
    }
}
