use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    task::JoinError,
    time::{Instant, timeout_at},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A request that [`Tasks`] started.
pub(crate) type Task<T> = BoxFuture<'static, Result<T, JoinError>>;

/// Runs requests on the runtime that was current when the writer was made, so that they go on while
/// nobody polls the writer. Without a runtime they run where they are polled.
#[derive(Clone)]
pub(crate) struct Tasks {
    pub(crate) runtime: Option<Handle>,
    running: TaskTracker,
}

impl Tasks {
    pub(crate) fn current(running: TaskTracker) -> Self {
        let runtime = Handle::try_current().ok();
        Self { runtime, running }
    }

    /// Starts an operation. Dropping its task cancels it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        match &self.runtime {
            Some(runtime) => Box::pin(AbortOnDropHandle::new(runtime.spawn(operation))),
            None => Box::pin(operation.map(Ok)),
        }
    }

    /// Starts an operation that runs to its end even if its task is dropped, if there is a runtime.
    /// [`Archive::settled`](crate::Archive::settled) waits for it.
    pub(crate) fn spawn_to_end<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let operation = self.running.track_future(operation);
        match &self.runtime {
            Some(runtime) => Box::pin(runtime.spawn(operation)),
            None => Box::pin(operation.map(Ok)),
        }
    }
}

/// Waits until `deadline` at most. Without a deadline, or without a runtime to tell the time, waits for the future's end.
pub(crate) async fn until<T>(
    deadline: impl Into<Option<Instant>>,
    future: impl Future<Output = T>,
) -> Option<T> {
    match (deadline.into(), Handle::try_current()) {
        (Some(deadline), Ok(_)) => timeout_at(deadline, future).await.ok(),
        _ => Some(future.await),
    }
}
