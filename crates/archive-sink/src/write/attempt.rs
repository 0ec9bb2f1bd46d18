use std::{error::Error, io, iter, time::Duration};

use object_store::Error as StoreError;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until},
};

/// How soon a request is made again for the first time; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a request that failed has done to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestEffect {
    /// Nothing: it was never sent, or came damaged. It may be made again.
    NotSent,
    /// Nothing: it was refused, by the store or before it was sent, and would be again.
    Refused,
    /// Nothing: the store cannot do what was asked.
    Unsupported,
    /// Unknown: it may have been carried out, or may be later. It may be made again.
    Unclear,
}

/// An error that says what its request has done, for HTTP clients and credential providers of stores: the archive looks
/// for one among the sources of a store's error.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct RequestError {
    effect: RequestEffect,
    source: Box<dyn Error + Send + Sync>,
}

impl RequestError {
    /// Says what the request that failed with `source` has done.
    pub fn new(effect: RequestEffect, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self { effect, source }
    }
}

/// In the extensions of an upload's options: that it is to replace nothing, which `object_store` has no other way to say.
/// In those of a store's answer to its completion: that the store has made sure of that.
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

    /// Pauses, and says whether there is time for another attempt. Without a runtime there is none.
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

/// The error of a request that was not waited for any longer.
pub(crate) fn no_answer() -> StoreError {
    let (store, source) = ("archive", "the store has not answered in time".into());
    StoreError::Generic { store, source }
}
