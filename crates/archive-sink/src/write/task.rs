use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio::task::{JoinError, JoinHandle};

/// An operation that a [`Background`](super::background::Background) started.
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

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Spawned { .. } => "Task::Spawned",
            Self::Here(_) => "Task::Here",
        })
    }
}
