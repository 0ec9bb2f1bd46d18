use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    task::{Wake, Waker},
};

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// The tasks that wait at one production: for a chunk, or for space in the cache.
///
/// It is itself the waker that the source is polled with. So when the source wakes, everybody who waits is woken, and not
/// only the branch that polled last, which may be gone or may never be polled again.
#[derive(Debug)]
pub(crate) struct Signal {
    /// By the index of the branch.
    wakers: Mutex<Vec<Option<Waker>>>,
    /// The source woke since [`Signal::begin_poll`].
    woken: AtomicBool,
}

impl Signal {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            wakers: Mutex::new(Vec::new()),
            woken: AtomicBool::new(false),
        })
    }

    /// Registers the waker of a branch, and returns the one that it replaces, which the caller drops once no lock is held.
    #[must_use]
    pub(crate) fn register(&self, branch: usize, waker: &Waker) -> Option<Waker> {
        let mut wakers = lock(&self.wakers);
        if branch >= wakers.len() {
            wakers.resize(branch + 1, None);
        }
        match &wakers[branch] {
            Some(known) if known.will_wake(waker) => None,
            _ => wakers[branch].replace(waker.clone()),
        }
    }

    /// Removes the waker of a branch. The caller drops it once no lock is held.
    #[must_use]
    pub(crate) fn withdraw(&self, branch: usize) -> Option<Waker> {
        lock(&self.wakers).get_mut(branch)?.take()
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
        let woken: Vec<Waker> = {
            let mut wakers = lock(&self.wakers);
            wakers.iter_mut().filter_map(Option::take).collect()
        };
        call_all(woken, Waker::wake);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.swap(true, Ordering::AcqRel);
        self.wake_all();
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
