use std::{error::Error, io, iter, time::Duration};

use object_store::Error as StoreError;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until},
};

/// The pause before the first retry; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a failed request has done to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestEffect {
    /// Nothing: it was never sent, or arrived damaged. It may be repeated.
    NotSent,
    /// Nothing: it was refused, and would be refused again.
    Refused,
    /// Nothing: the store cannot do what was asked.
    Unsupported,
    /// Unknown: the store may have carried it out, or may do so later. It may be repeated.
    Unclear,
}

/// An error that says what its request has done, for the HTTP clients and credential providers of stores. The archive
/// looks for one among the sources of a store's error.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct RequestError {
    effect: RequestEffect,
    source: Box<dyn Error + Send + Sync>,
}

impl RequestError {
    /// Creates an error for a request that failed with `source`.
    pub fn new(effect: RequestEffect, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self { effect, source }
    }
}

/// A mark that `object_store` has no other way to express.
///
/// In the extensions of an upload's options, it asks the store not to replace an object. In the extensions of the answer to the
/// upload's completion, it says that the store has made sure of that.
#[derive(Debug, Clone, Copy)]
pub struct CreateOnly;

impl RequestEffect {
    pub(crate) fn of(error: &StoreError) -> Self {
        use io::ErrorKind::{
            IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem, StorageFull,
        };
        let first: &(dyn Error + 'static) = error;
        let mut sources = iter::successors(Some(first), |&error| error.source());
        let said = sources.find_map(|error| {
            if let Some(error) = error.downcast_ref::<RequestError>() {
                return Some(error.effect);
            }
            // A folder that fails like this will fail again.
            let is_for_good = matches!(
                error.downcast_ref::<io::Error>()?.kind(),
                IsADirectory | NotADirectory | PermissionDenied | ReadOnlyFilesystem | StorageFull
            );
            is_for_good.then_some(Self::Refused)
        });
        said.unwrap_or(match error {
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => {
                Self::Unsupported
            }
            StoreError::PermissionDenied { .. }
            | StoreError::Unauthenticated { .. }
            | StoreError::NotFound { .. }
            | StoreError::InvalidPath { .. } => Self::Refused,
            _ => Self::Unclear,
        })
    }
}

/// Pauses between the attempts of one request, until there is no more time.
pub(crate) struct Pauses {
    next: Duration,
    end: Instant,
}

impl Pauses {
    pub(crate) fn until(end: Instant) -> Self {
        let next = FIRST_PAUSE;
        Self { next, end }
    }

    /// Pauses, and returns whether there is time for another attempt. Without a runtime there is none.
    pub(crate) async fn pause(&mut self) -> bool {
        if Handle::try_current().is_err() {
            return false;
        }
        let wake = Instant::now() + self.next;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        sleep_until(wake.min(self.end)).await;
        wake < self.end
    }
}

/// The error of a request that took too long.
pub(crate) fn no_answer() -> StoreError {
    let (store, source) = ("archive", "the store has not answered in time".into());
    StoreError::Generic { store, source }
}
