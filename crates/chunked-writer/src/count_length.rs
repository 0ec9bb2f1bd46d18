//! The length of a document, computed without sending it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::JsonError;
use crate::production::Production;
use crate::stream::JsonSource;

/// A future that resolves to the exact length of a document in bytes. Returned by
/// [`JsonDocument::count_length`](crate::JsonDocument::count_length).
///
/// It needs one buffer of 64 KiB, whatever the length. Each poll writes at most 64 KiB, then wakes its task and yields. If
/// the length is already known, the first poll returns it. Dropping the future loses only its own work.
///
/// # Errors
///
/// The same errors as those of a stream of the document.
///
/// # Panics
///
/// If `Serialize` panics; the next poll then returns [`JsonError::Poisoned`]. May panic if polled after it returned an
/// error. Polled after it returned a length, it returns that length again.
#[must_use = "futures do nothing unless polled"]
pub struct CountLength<S: JsonSource + ?Sized> {
    cursor: S::Cursor,
    production: Production,
}

impl<S: JsonSource + ?Sized> CountLength<S> {
    pub(crate) fn new(origin: &S::Origin, production: Production) -> Self {
        Self {
            cursor: S::start(origin),
            production,
        }
    }
}

impl<S: JsonSource + ?Sized> Future for CountLength<S> {
    type Output = Result<u64, JsonError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { cursor, production } = self.get_mut();
        production.poll_length(context, |walker| S::walk(cursor, walker))
    }
}

impl<S: JsonSource + ?Sized> fmt::Debug for CountLength<S> {
    /// Omits the value, which may be large or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CountLength")
            .field("source", &format_args!("{}", std::any::type_name::<S>()))
            .finish_non_exhaustive()
    }
}
