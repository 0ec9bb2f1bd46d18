use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::sync::Notify;

/// Counts what must not be forgotten at shutdown: clean-ups and completions.
#[derive(Debug, Default)]
pub(crate) struct Running {
    count: AtomicUsize,
    changed: Notify,
}

impl Running {
    /// Waits until nothing is running.
    pub(crate) async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            let mut changed = pin!(changed);
            // Registered before the count is read, so that no change falls in between.
            changed.as_mut().enable();
            if self.count.load(SeqCst) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Counts one more.
    pub(crate) fn enter(self: &Arc<Self>) -> RunningGuard {
        self.count.fetch_add(1, SeqCst);
        RunningGuard(Arc::clone(self))
    }
}

/// Counts one operation until it is dropped, by its end, a panic or the runtime's shutdown.
pub(crate) struct RunningGuard(Arc<Running>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        let before = self.0.count.fetch_sub(1, SeqCst);
        if before == 1 {
            self.0.changed.notify_waiters();
        }
    }
}
