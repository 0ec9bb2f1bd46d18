use std::time::Duration;

use super::sample::Sample;
use super::samples::Samples;
use super::stall::Stall;
use super::stalls::Stalls;

/// How the document went to one reader, once. All instants are counted from the run's start.
#[derive(Clone, Debug)]
pub(crate) struct AttemptTimeline {
    started: Duration,
    sending: Option<Duration>,
    answered: Option<Duration>,
    samples: Samples,
    stalls: Stalls,
}

impl AttemptTimeline {
    pub(super) fn new(started: Duration) -> Self {
        Self {
            started,
            sending: None,
            answered: None,
            samples: Samples::new(),
            stalls: Stalls::new(),
        }
    }

    pub(super) fn sending(&mut self, at: Duration) {
        self.sending.get_or_insert(at);
    }

    pub(super) fn answered(&mut self, at: Duration) {
        self.answered.get_or_insert(at);
    }

    pub(super) fn taken(&mut self, at: Duration, bytes: u64) {
        let last = self.samples.as_slice().last();
        if let Some(Sample { at: from, .. }) = last.copied() {
            self.stalls.note(Stall { from, to: at });
        }
        let before = last.map_or(0, |sample| sample.bytes);
        let bytes = before.saturating_add(bytes);
        self.samples.push(Sample { at, bytes });
    }

    /// When it began.
    pub(crate) fn started(&self) -> Duration {
        self.started
    }

    /// When the request was begun, or the archive's object.
    pub(crate) fn sending_since(&self) -> Option<Duration> {
        self.sending
    }

    /// When the answer began to come, or the archive's commit.
    pub(crate) fn answered_at(&self) -> Option<Duration> {
        self.answered
    }

    /// How much had been taken when, thinned.
    pub(crate) fn samples(&self) -> &[Sample] {
        self.samples.as_slice()
    }

    /// When nothing was taken for a while, between two bytes.
    pub(crate) fn stalls(&self) -> &[Stall] {
        self.stalls.as_slice()
    }

    /// What counts as a while.
    pub(crate) fn shortest_stall(&self) -> Duration {
        self.stalls.shortest()
    }
}
