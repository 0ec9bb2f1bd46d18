use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tee_stream::{Sleep, Timer};

/// A clock for tests, which moves only when [`advance`](Self::advance) is called. Clones share one time.
#[derive(Debug, Clone)]
pub(crate) struct ManualTimer {
    clock: Arc<Mutex<Clock>>,
}

#[derive(Debug)]
struct Clock {
    now: Instant,
    /// The sleeps that were polled: number, deadline, waker.
    waiting: Vec<(u64, Instant, Waker)>,
    sleeps: u64,
}

impl ManualTimer {
    /// Creates a clock that stands at the present time.
    pub(crate) fn new() -> Self {
        Self {
            clock: Arc::new(Mutex::new(Clock {
                now: Instant::now(),
                waiting: Vec::new(),
                sleeps: 0,
            })),
        }
    }

    /// Moves the clock forward and wakes the sleeps whose time has come.
    pub(crate) fn advance(&self, by: Duration) {
        let due: Vec<Waker> = {
            let mut clock = self.lock();
            clock.now += by;
            let now = clock.now;
            let (due, waiting) = mem::take(&mut clock.waiting)
                .into_iter()
                .partition(|(_, deadline, _)| *deadline <= now);
            clock.waiting = waiting;
            let due: Vec<(u64, Instant, Waker)> = due;
            due.into_iter().map(|(_, _, waker)| waker).collect()
        };
        due.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for ManualTimer {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let number = {
            let mut clock = self.lock();
            clock.sleeps += 1;
            clock.sleeps
        };
        Box::pin(ManualSleep {
            timer: self.clone(),
            number,
            deadline,
        })
    }
}

struct ManualSleep {
    timer: ManualTimer,
    number: u64,
    deadline: Instant,
}

impl ManualSleep {
    /// Removes its waker, which the caller drops once the clock is not locked.
    fn withdraw(&self, clock: &mut Clock) -> Option<Waker> {
        let position = clock
            .waiting
            .iter()
            .position(|(number, ..)| *number == self.number)?;
        Some(clock.waiting.swap_remove(position).2)
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        let _waker = self.withdraw(&mut self.timer.lock());
    }
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut clock = self.timer.lock();
        let _replaced = self.withdraw(&mut clock);
        if clock.now >= self.deadline {
            return Poll::Ready(());
        }
        clock.waiting.push((self.number, self.deadline, waker));
        Poll::Pending
    }
}
