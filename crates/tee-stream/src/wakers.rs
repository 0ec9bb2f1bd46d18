use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    task::{Wake, Waker},
};

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// The tasks that wait, for a chunk or for space, each at one production.
#[derive(Default)]
pub(crate) struct Wakers {
    /// By the index of the branch: the production, and the waker.
    waiting: Mutex<Vec<Option<(u64, Waker)>>>,
}

impl Wakers {
    /// Registers the waker of a branch, and returns the one that it replaces, which the caller drops once no lock is held.
    #[must_use]
    pub(crate) fn register(&self, branch: usize, production: u64, waker: &Waker) -> Option<Waker> {
        let mut waiting = lock(&self.waiting);
        if branch >= waiting.len() {
            waiting.resize(branch + 1, None);
        }
        let replaced = waiting[branch].replace((production, waker.clone()));
        replaced.map(|(_, waker)| waker)
    }

    /// Removes the waker of a branch. The caller drops it once no lock is held.
    #[must_use]
    pub(crate) fn withdraw(&self, branch: usize) -> Option<Waker> {
        let (_, waker) = lock(&self.waiting).get_mut(branch)?.take()?;
        Some(waker)
    }

    /// Moves the wakers of a production, or of all, to `taken`.
    pub(crate) fn take(&self, production: Option<u64>, taken: &mut Vec<Waker>) {
        for slot in lock(&self.waiting).iter_mut() {
            if slot
                .as_ref()
                .is_some_and(|(at, _)| production.is_none_or(|production| production == *at))
            {
                taken.extend(slot.take().map(|(_, waker)| waker));
            }
        }
    }
}

/// The waker that the source of a production is polled with.
///
/// It wakes all branches that wait at the production, and not only the one that polled last, which may be gone or may never be
/// polled again.
pub(crate) struct Signal {
    wakers: Arc<Wakers>,
    production: u64,
    /// The source woke since [`Signal::begin_poll`].
    woken: AtomicBool,
}

impl Signal {
    pub(crate) fn new(wakers: &Arc<Wakers>, production: u64) -> Arc<Self> {
        Arc::new(Self {
            wakers: Arc::clone(wakers),
            production,
            woken: AtomicBool::new(false),
        })
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
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.swap(true, Ordering::AcqRel);
        let mut woken = Vec::new();
        self.wakers.take(Some(self.production), &mut woken);
        call_all(woken, Waker::wake);
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
