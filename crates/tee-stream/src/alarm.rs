use std::{
    fmt,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crate::{Sleep, Timer};

/// How much later than the deadline a sleep is asked for, at most, when the timer is early.
const LARGEST_MARGIN: Duration = Duration::from_secs(1);

/// The sleep of one branch that waits for room. Empty while it does not.
///
/// It is the branch's own, made anew in each poll that waits, so that it wakes this branch's task by the timer of the runtime
/// that polls it now, whatever becomes of the other branches and of the runtimes that polled them.
pub(crate) struct Alarm(
    // Never locked: it makes what is only `Send` `Sync` too.
    Mutex<Option<Sleep>>,
);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Takes the sleep out, to be dropped once no lock is held. It wakes nobody any longer.
    pub(crate) fn take(&mut self) -> Option<Sleep> {
        self.sleep().take()
    }

    /// Wakes the task of `context` at `deadline`. True when that has come already.
    ///
    /// A timer that is early is asked for a little more each time, so that it does not make the task spin.
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

impl fmt::Debug for Alarm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Alarm")
    }
}
