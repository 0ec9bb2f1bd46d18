use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{JoinError, JoinHandle},
};

/// Runs requests on the runtime that was current when the writer was made, so that they go on while
/// nobody polls the writer; without a runtime they run where they are polled.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    runtime: Option<Handle>,
    running: Arc<Running>,
}

/// Counts what must not be forgotten at shutdown: clean-ups and completions.
#[derive(Debug, Default)]
pub(crate) struct Running {
    count: std::sync::atomic::AtomicUsize,
    changed: Notify,
}

impl Running {
    /// Waits until nothing is running.
    pub(crate) async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Registered before the count is read, so that no change falls in between.
            changed.as_mut().enable();
            if self.count.load(std::sync::atomic::Ordering::SeqCst) == 0 {
                return;
            }
            changed.await;
        }
    }

    fn enter(self: &Arc<Self>) -> RunningGuard {
        self.count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        RunningGuard(Arc::clone(self))
    }
}

/// Counts one operation until it is dropped, by its end, a panic or the runtime's shutdown.
struct RunningGuard(Arc<Running>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        let before = self
            .0
            .count
            .fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        if before == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

impl Background {
    pub(crate) fn current(running: Arc<Running>) -> Self {
        let runtime = Handle::try_current().ok();
        Self { runtime, running }
    }

    pub(crate) fn has_runtime(&self) -> bool {
        self.runtime.is_some()
    }

    /// Starts an operation that may be forgotten: dropping the task cancels it.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        match &self.runtime {
            Some(runtime) => Task::Spawned {
                handle: runtime.spawn(operation),
                abort_on_drop: true,
            },
            None => Task::Here(Box::pin(operation)),
        }
    }

    /// Starts an operation that runs to its end even when the task is dropped, if there is a runtime,
    /// and that [`Running::settled`] waits for.
    pub(crate) fn start_detached<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let guard = self.running.enter();
        let operation = async move {
            let output = operation.await;
            drop(guard);
            output
        };
        match &self.runtime {
            Some(runtime) => Task::Spawned {
                handle: runtime.spawn(operation),
                abort_on_drop: false,
            },
            None => Task::Here(Box::pin(operation)),
        }
    }
}

/// An operation that a [`Background`] started.
pub(crate) enum Task<T> {
    Spawned {
        handle: JoinHandle<T>,
        abort_on_drop: bool,
    },
    Here(BoxFuture<'static, T>),
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Spawned { handle, .. } => Pin::new(handle).poll(cx),
            Self::Here(operation) => operation.as_mut().poll(cx).map(Ok),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Self::Spawned {
            handle,
            abort_on_drop: true,
        } = self
        {
            handle.abort();
        }
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Spawned { .. } => "Task::Spawned",
            Self::Here(_) => "Task::Here",
        })
    }
}
