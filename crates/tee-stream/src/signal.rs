use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    task::{Wake, Waker},
};

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// The tasks that wait at one cursor: for a chunk, or for space in its window.
///
/// It is itself the waker that the source is polled with. So when the source wakes, everybody who waits is woken, and not
/// only the branch that polled last, which may be gone or may never be polled again.
#[derive(Debug)]
pub(crate) struct Signal {
    waiters: Mutex<Waiters>,
    /// The source woke since [`Signal::begin_poll`].
    woken: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiters {
    /// Counts the times that everybody was woken. A [`Registration`] of an earlier epoch is void.
    epoch: u64,
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// The list that was woken last, empty, kept for its allocation.
    spare: Vec<Option<Waker>>,
}

/// The place of a branch in the list of a [`Signal`].
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

    /// Registers `waker`, in place of the one that `registration` stands for, if that one still waits.
    ///
    /// Returns the replaced waker, which the caller drops once no lock is held.
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

    /// Forgets that the source woke. Called right before it is polled.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        // A swap, so that what the waker's thread wrote is visible to the poll. A wake-up that the load misses is found later.
        if self.woken.load(Ordering::Acquire) {
            self.woken.swap(false, Ordering::AcqRel);
        }
    }

    /// Whether the source woke since [`Signal::begin_poll`]. Whoever registered after that missed it.
    pub(crate) fn woke_since(&self) -> bool {
        // The lock orders this: a waker takes the lock after it has set the flag, and the caller has just registered under it.
        // So either the waker found that registration, or this load finds the flag.
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
        call_all(woken.drain(..).flatten(), Waker::wake);
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
    /// Removes the waker from the list and returns it. The caller drops it once no lock is held.
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

/// Calls `run` with each item, even if some calls panic. The first panic continues after the last call.
pub(crate) fn call_all<T>(items: impl IntoIterator<Item = T>, mut run: impl FnMut(T)) {
    let mut first = None;
    for item in items {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(item))) {
            first.get_or_insert(panic);
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_after_all_others_had_their_turn() {
        let mut done = Vec::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            call_all(1..=4, |number| {
                assert!(number % 2 == 0, "odd {number}");
                done.push(number);
            });
        }));
        let message = panicked.unwrap_err();
        assert_eq!(
            message.downcast_ref::<String>().map(String::as_str),
            Some("odd 1")
        );
        assert_eq!(done, [2, 4]);
    }
}
