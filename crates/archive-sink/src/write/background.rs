use std::{future::Future, sync::Arc};

use tokio::runtime::Handle;

use super::{running::Running, task::Task};

/// Runs requests on the runtime that was current when the writer was made, so that they go on while
/// nobody polls the writer; without a runtime they run where they are polled.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    runtime: Option<Handle>,
    running: Arc<Running>,
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
