use std::{
    mem,
    sync::Arc,
    task::{Wake, Waker},
};

use crate::each::each;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// The tasks that wait for something to happen at one cursor: a chunk, room, a deadline.
///
/// It is itself the waker that the source is polled with. So when the source wakes, all who wait are woken,
/// and not only the branch that happened to poll last, which may be gone or may never be polled again.
#[derive(Debug)]
pub(crate) struct Signal {
    waiters: Mutex<Waiters>,
    /// The source woke since [`Signal::begin_poll`].
    woken: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiters {
    /// Counts the times that everybody was woken; a [`Registration`] of an earlier epoch is void.
    epoch: u64,
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// The list that was woken last, empty, kept for its allocation.
    spare: Vec<Option<Waker>>,
}

/// Where a branch stands in the list of a [`Signal`].
#[derive(Debug)]
pub(crate) struct Registration {
    signal: Arc<Signal>,
    epoch: u64,
    index: usize,
}

impl Signal {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            waiters: Mutex::new(Waiters::default()),
            woken: AtomicBool::new(false),
        })
    }

    /// Enters `waker`, in place of the one that `registration` entered before, if that one still waits.
    ///
    /// Returns what was replaced, to be dropped once no lock is held.
    #[must_use]
    pub(crate) fn register(
        self: &Arc<Self>,
        registration: &mut Option<Registration>,
        waker: &Waker,
    ) -> Option<Waker> {
        let replaced_elsewhere = match registration {
            Some(known) if Arc::ptr_eq(&known.signal, self) => None,
            _ => Registration::withdraw(registration.take()),
        };
        let mut waiters = lock(&self.waiters);
        if let Some(known) = registration
            && known.epoch == waiters.epoch
        {
            let entry = &mut waiters.wakers[known.index];
            return match entry {
                Some(entered) if entered.will_wake(waker) => replaced_elsewhere,
                _ => entry.replace(waker.clone()).or(replaced_elsewhere),
            };
        }
        let index = if let Some(index) = waiters.free.pop() {
            waiters.wakers[index] = Some(waker.clone());
            index
        } else {
            waiters.wakers.push(Some(waker.clone()));
            waiters.wakers.len() - 1
        };
        let epoch = waiters.epoch;
        drop(waiters);
        let entered = Registration {
            signal: Arc::clone(self),
            epoch,
            index,
        };
        *registration = Some(entered);
        replaced_elsewhere
    }

    /// Forgets that the source woke, right before it is polled.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        // Swapped, so that whatever the waker says is visible to the poll. A wake-up that the load misses is found later.
        if self.woken.load(Ordering::Acquire) {
            self.woken.swap(false, Ordering::AcqRel);
        }
    }

    /// Whether the source woke since [`Signal::begin_poll`]: whoever registered after that missed it.
    pub(crate) fn woke_since(&self) -> bool {
        // The lock orders this: a waker takes it after it has set the flag, and whoever asks has just registered under it. So
        // either the waker found that registration, or this finds the flag.
        self.woken.load(Ordering::Acquire)
    }

    /// Wakes everybody who is registered. Never called with a lock held.
    pub(crate) fn wake_all(&self) {
        self.wake_registered(false);
    }

    fn wake_registered(&self, by_source: bool) {
        if by_source {
            self.woken.swap(true, Ordering::AcqRel);
        }
        let mut woken = {
            let mut waiters = lock(&self.waiters);
            if waiters.wakers.is_empty() {
                return;
            }
            waiters.epoch += 1;
            waiters.free.clear();
            let spare = mem::take(&mut waiters.spare);
            mem::replace(&mut waiters.wakers, spare)
        };
        each(woken.drain(..).flatten(), Waker::wake);
        lock(&self.waiters).spare = woken;
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_registered(true);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_registered(true);
    }
}

impl Registration {
    /// Takes the waker back, to be dropped once no lock is held.
    #[must_use]
    pub(crate) fn withdraw(registration: Option<Self>) -> Option<Waker> {
        let Self {
            signal,
            epoch,
            index,
        } = registration?;
        let mut waiters = lock(&signal.waiters);
        if waiters.epoch != epoch {
            return None;
        }
        waiters.free.push(index);
        waiters.wakers[index].take()
    }
}
