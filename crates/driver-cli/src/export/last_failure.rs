use std::sync::{Arc, Mutex, PoisonError};

/// Why the last export failed, if it did: the SDK says only that it did.
#[derive(Clone, Debug, Default)]
pub(super) struct LastFailure {
    cause: Arc<Mutex<Option<String>>>,
}

impl LastFailure {
    /// Notes how an export ended.
    pub(super) fn set(&self, cause: Option<String>) {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    pub(super) fn get(&self) -> Option<String> {
        self.cause
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
