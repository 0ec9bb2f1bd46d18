//! The exact length of a document.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use crate::error::JsonError;
use crate::production::Production;
use crate::shared::Shared;
use crate::walker::Walker;

/// The future of a document's exact length, in bytes. From
/// [`JsonDocument::count_length`](crate::JsonDocument::count_length).
///
/// Needs one buffer of 64 KiB, whatever the length. Each poll walks over 64 KiB at most, then wakes itself and yields.
/// Resolves at once if the length is known already. Cancelling it, by dropping it, loses the work and nothing else.
///
/// # Errors
///
/// Those of a stream of the document.
///
/// # Panics
///
/// If `Serialize` does: the next poll then resolves to [`JsonError::Poisoned`]. It may panic too if it is polled after
/// it has resolved to an error. After a length it resolves to that again.
#[must_use = "futures do nothing unless polled"]
pub struct CountLength<T: ?Sized> {
    value: Arc<T>,
    production: Production,
}

impl<T: ?Sized> CountLength<T> {
    pub(crate) fn new(value: Arc<T>, shared: Arc<Shared>, left_open: bool) -> Self {
        Self {
            value,
            production: Production::new(Walker::counting(), shared, left_open, 0),
        }
    }
}

impl<T: Serialize + ?Sized> Future for CountLength<T> {
    type Output = Result<u64, JsonError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.production
            .poll_length(context, |walker| this.value.serialize(walker))
    }
}

impl<T: ?Sized> fmt::Debug for CountLength<T> {
    /// Without the value, which may be large, or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CountLength")
            .field("value", &format_args!("{}", std::any::type_name::<T>()))
            .field("counted", &self.production.position())
            .finish_non_exhaustive()
    }
}
