use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// A future that is ready when its time has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The clock of a tee, passed in so that the tee needs no runtime and its tests need no sleep.
///
/// `TokioTimer` (feature `tokio-time`) is one. The tee calls both methods without holding a lock, and
/// [`sleep_until`](Self::sleep_until) only while a branch waits for another one.
pub trait Timer: Send + Sync {
    /// Returns the present time, which must not go backwards.
    fn now(&self) -> Instant;

    /// Returns a future that is ready once [`now`](Self::now) has reached `deadline`.
    ///
    /// Each poll of a waiting branch creates one, polls it once, and keeps it until the branch is polled again. So the future must
    /// call the waker of its first poll. A future that is ready too early costs one or two more polls.
    fn sleep_until(&self, deadline: Instant) -> Sleep;
}

impl fmt::Debug for dyn Timer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Timer")
    }
}

impl<T: Timer + ?Sized> Timer for std::sync::Arc<T> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        (**self).sleep_until(deadline)
    }
}

/// Tokio's clock and time driver, also when it is paused.
///
/// Poll the branches inside a tokio runtime whose time driver is enabled.
#[cfg(feature = "tokio-time")]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer(());

#[cfg(feature = "tokio-time")]
impl TokioTimer {
    /// Creates a timer. It uses the runtime in which a branch is polled.
    pub fn new() -> Self {
        Self(())
    }
}

#[cfg(feature = "tokio-time")]
impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }
}

/// How far beyond the deadline a sleep may end, when the timer is early.
const LARGEST_MARGIN: Duration = Duration::from_secs(1);

/// The sleep of one branch that waits for space, if it does.
///
/// Each poll that waits creates a new one, on the runtime that polls the branch now. So no branch depends on the runtime of another.
pub(crate) struct Alarm(
    // Never locked: the mutex makes the branch `Sync`.
    Mutex<Option<Sleep>>,
);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Removes the sleep, which then wakes nobody. The caller drops it once no lock is held.
    pub(crate) fn take(&mut self) -> Option<Sleep> {
        self.sleep().take()
    }

    /// Wakes the task of `context` at `deadline`. True if that has come already.
    ///
    /// If the timer is early, it sleeps a little longer each time, so that the task does not spin.
    pub(crate) fn set(
        &mut self,
        timer: &dyn Timer,
        deadline: Instant,
        context: &mut Context<'_>,
    ) -> bool {
        let mut margin = Duration::ZERO;
        while margin <= LARGEST_MARGIN {
            let Some(time) = deadline.checked_add(margin) else {
                return true;
            };
            let mut sleep = timer.sleep_until(time);
            if sleep.as_mut().poll(context) == Poll::Pending {
                *self.sleep() = Some(sleep);
                return false;
            }
            if timer.now() >= deadline {
                return true;
            }
            margin = (margin * 2).max(Duration::from_millis(1));
        }
        true
    }

    fn sleep(&mut self) -> &mut Option<Sleep> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}
