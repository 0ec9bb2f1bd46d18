//! Checks that a document is produced identically each time.

use std::sync::Arc;

use crate::fingerprint::Fingerprint;
use crate::history::History;
use crate::path::Frame;

/// Hashes the bytes of one production, and compares the hash at each checkpoint of the document.
#[derive(Debug)]
pub(crate) struct Verifier {
    history: Arc<History>,
    fingerprint: Fingerprint,
    next: Option<Fingerprint>,
    changed: bool,
}

impl Verifier {
    pub(crate) fn new(history: Arc<History>, fingerprint: Fingerprint) -> Self {
        Self {
            history,
            fingerprint,
            next: None,
            changed: false,
        }
    }

    /// Hashes the next bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while let Some(next) = self.next {
            let ahead = next.position() - self.fingerprint.position();
            // A checkpoint beyond these bytes is left to a later call. One exactly at their end is checked now.
            let Some((before, after)) = usize::try_from(ahead)
                .ok()
                .and_then(|ahead| bytes.split_at_checked(ahead))
            else {
                break;
            };
            self.fingerprint.update(before);
            self.changed |= self.fingerprint != next;
            bytes = after;
            self.next = self
                .history
                .record()
                .checkpoints
                .after(self.fingerprint.position());
        }
        self.fingerprint.update(bytes);
    }

    /// Looks up the next checkpoint, if none is known. Returns whether the walk that starts here should become one.
    pub(crate) fn start_walk(&mut self) -> bool {
        if self.next.is_some() {
            return false;
        }
        let record = self.history.record();
        let position = self.fingerprint.position();
        self.next = record.checkpoints.after(position);
        self.next.is_none() && record.checkpoints.wants(position)
    }

    /// Returns whether some bytes differed from those of an earlier production.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Records a checkpoint at the current position, with the path that leads to it.
    pub(crate) fn note(&self, path: &[Frame]) {
        self.history
            .record()
            .checkpoints
            .note(self.fingerprint, path);
    }

    /// Records the end of the document at `length` bytes. If the document is left open, that is one less than was hashed.
    /// Returns how the end differs from that of an earlier production.
    pub(crate) fn finish(&self, length: u64) -> Result<(), &'static str> {
        self.history
            .record()
            .note_end(length, Some(self.fingerprint))
    }
}
