//! Compares what a production yields with what the document's earlier ones did.

use std::sync::Arc;

use crate::checkpoints::Known;
use crate::fingerprint::Fingerprint;
use crate::shared::Shared;

/// Follows the bytes of one production and compares them with the document's checkpoints as it passes them.
#[derive(Debug)]
pub(crate) struct Verifier {
    shared: Arc<Shared>,
    fingerprint: Fingerprint,
    next: Option<Fingerprint>,
    changed: bool,
}

impl Verifier {
    pub(crate) fn new(shared: Arc<Shared>, fingerprint: Fingerprint) -> Self {
        Self {
            shared,
            fingerprint,
            next: None,
            changed: false,
        }
    }

    /// Takes in the bytes that follow.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while let Some(next) = self.next {
            let ahead = next.position() - self.fingerprint.position();
            // A checkpoint beyond these bytes is for a later call, one at their very end for this one.
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
                .shared
                .ledger()
                .checkpoints
                .after(self.fingerprint.position());
        }
        self.fingerprint.update(bytes);
    }

    /// Looks up the next checkpoint if none is known, and says whether the walk that starts here should become one.
    pub(crate) fn start_walk(&mut self) -> bool {
        if self.next.is_some() {
            return false;
        }
        let ledger = self.shared.ledger();
        let position = self.fingerprint.position();
        self.next = ledger.checkpoints.after(position);
        self.next.is_none() && ledger.checkpoints.wants(position)
    }

    /// Whether some bytes were not those of an earlier production.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The end of the document was reached, `length` bytes long (one less than went in, if it is left open).
    /// Says what differs from an earlier production.
    pub(crate) fn finish(&self, length: u64) -> Result<(), &'static str> {
        self.shared.ledger().learn(Known {
            length,
            fingerprint: Some(self.fingerprint),
        })
    }
}
