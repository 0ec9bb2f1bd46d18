//! When a reader of the document took its bytes: kept in bounded memory, and only where somebody wants to see it.

mod attempt_timeline;
mod sample;
mod samples;
mod stall;
mod stalls;
mod timeline;

pub(crate) use self::attempt_timeline::AttemptTimeline;
pub(crate) use self::timeline::Timeline;

use std::sync::{Mutex, MutexGuard, PoisonError};

use driver_streaming::{Observer, Progress, Stage};
use tokio::time::Instant;

/// The timelines of all readers of one run.
pub(crate) struct Timelines {
    readers: Vec<Mutex<Timeline>>,
}

impl Timelines {
    /// Of the readers that `progress` has, counted from now.
    pub(crate) fn of(progress: &Progress) -> Self {
        let origin = Instant::now();
        let readers = progress.readers();
        Self {
            readers: readers.map(|_| Mutex::new(Timeline::new(origin))).collect(),
        }
    }

    /// What has been seen of this reader so far.
    pub(crate) fn reader(&self, reader: usize) -> Option<Timeline> {
        self.lock(reader).map(|timeline| timeline.clone())
    }

    fn lock(&self, reader: usize) -> Option<MutexGuard<'_, Timeline>> {
        let timeline = self.readers.get(reader)?.lock();
        Some(timeline.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Timelines {
    fn entered(&self, reader: usize, stage: Stage) {
        if let Some(mut timeline) = self.lock(reader) {
            timeline.entered(stage);
        }
    }

    fn taken(&self, reader: usize, bytes: usize) {
        if let Some(mut timeline) = self.lock(reader) {
            timeline.taken(bytes as u64);
        }
    }

    fn restarted(&self, reader: usize) {
        if let Some(mut timeline) = self.lock(reader) {
            timeline.restarted();
        }
    }
}
