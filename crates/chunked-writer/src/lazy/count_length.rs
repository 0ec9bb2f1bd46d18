//! The exact length of a lazy document.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::JsonError;
use crate::lazy::json::LazyJson;
use crate::production::Production;

/// The future of a lazy document's exact length, in bytes. From
/// [`LazyDocument::count_length`](crate::LazyDocument::count_length). All that is said of
/// [`CountLength`](crate::CountLength) holds for it too.
///
/// # Errors
///
/// Those of a stream of the document.
///
/// # Panics
///
/// If something in the document does: the next poll then resolves to [`JsonError::Poisoned`]. It may panic too if it is
/// polled after it has resolved to an error. After a length it resolves to that again.
#[must_use = "futures do nothing unless polled"]
pub struct CountLazyLength {
    json: LazyJson,
    production: Production,
}

impl CountLazyLength {
    pub(crate) fn new(json: LazyJson, production: Production) -> Self {
        Self { json, production }
    }
}

impl Future for CountLazyLength {
    type Output = Result<u64, JsonError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.production
            .poll_length(context, |walker| this.json.walk(walker))
    }
}

impl fmt::Debug for CountLazyLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CountLazyLength")
            .field("counted", &self.production.position())
            .finish_non_exhaustive()
    }
}
