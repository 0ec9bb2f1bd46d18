use std::{fmt, future::Future, pin::Pin, time::Instant};

/// A future that is ready when its time has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a tee gets its time from, so that it needs no runtime and tests need no sleep.
///
/// `TokioTimer` (feature `tokio-time`) is one; `ManualTimer` (feature `test-util`) is one for tests. Both methods
/// are called with no lock held, and only while a branch waits for another one.
pub trait Timer: Send + Sync {
    /// The time now. It must not go backwards.
    fn now(&self) -> Instant;

    /// A future that is ready once [`now`](Self::now) has reached `deadline`.
    ///
    /// Each poll of a branch that waits makes a new one, polls it once, and keeps it until the branch is polled again; so it must
    /// call the waker of its first poll. One that is ready too early costs another poll or two, and no more.
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
