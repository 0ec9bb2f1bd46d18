use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use measured_body::{Measurements, Recorder};

/// What is known of a solver's requests without their exchange: for one that is cancelled, which has none to tell.
#[derive(Debug, Default)]
pub(super) struct LastAttempt {
    attempts: AtomicU32,
    measurements: Arc<Mutex<Option<Measurements>>>,
}

impl LastAttempt {
    /// Another attempt begins: what is told to `recorder` of its body is remembered, too.
    pub(super) fn begin<R>(&self, recorder: R) -> impl Recorder + Send + Sync + 'static + use<R>
    where
        R: Recorder + Send + Sync + 'static,
    {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let measurements = Arc::clone(&self.measurements);
        let keep = move |found: &Measurements| {
            let mut last = measurements.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(found.clone());
        };
        (keep, recorder)
    }

    /// How many have begun.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// What happened to the body of the last that had one.
    pub(super) fn measurements(&self) -> Option<Measurements> {
        let last = self.measurements.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
