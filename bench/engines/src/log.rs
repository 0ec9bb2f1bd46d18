use std::sync::{Mutex, MutexGuard, PoisonError};

use comparison_records::{EngineReport, Received, process_cpu_nanoseconds};

/// What nobody has asked for yet.
#[derive(Debug)]
pub(crate) struct Log(Mutex<Since>);

#[derive(Debug)]
struct Since {
    cpu_nanoseconds: u64,
    requests: Vec<Received>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Since {
            cpu_nanoseconds: process_cpu_nanoseconds(),
            requests: Vec::new(),
        }))
    }

    pub(crate) fn add(&self, received: Received) {
        self.since().requests.push(received);
    }

    /// All since the last time.
    pub(crate) fn report(&self) -> EngineReport {
        let mut since = self.since();
        let now = process_cpu_nanoseconds();
        let before = std::mem::replace(&mut since.cpu_nanoseconds, now);
        EngineReport {
            cpu_ms: (now - before) as f64 / 1e6,
            requests: std::mem::take(&mut since.requests),
        }
    }

    fn since(&self) -> MutexGuard<'_, Since> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
