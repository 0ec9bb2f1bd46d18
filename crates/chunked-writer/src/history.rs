//! What earlier productions of a document have recorded: its checkpoints, its end, and how much work was done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checkpoints::Checkpoints;
use crate::fingerprint::Fingerprint;

/// The work done for a document so far, summed over all its clones and streams.
///
/// Returned by [`JsonDocument::statistics`](crate::JsonDocument::statistics). To get the number of productions, divide
/// [`bytes_produced`](Self::bytes_produced) by the length of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonStatistics {
    /// Bytes of JSON that were written, including those that a replay discarded. Excludes counting passes.
    pub bytes_produced: u64,
    /// Bytes of JSON that counting passes wrote.
    pub bytes_counted: u64,
    /// How often `Serialize` was called on the root: about once for each chunk, or for each 64 KiB of larger chunks.
    pub walks: u64,
}

/// Shared by the clones of a document and all their streams.
#[derive(Debug, Default)]
pub(crate) struct History {
    bytes_produced: AtomicU64,
    bytes_counted: AtomicU64,
    walks: AtomicU64,
    record: Mutex<Record>,
}

impl History {
    /// Locks the record. The lock is never held while a value serialises, nor across a poll.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_walk(&self, bytes: u64, counting: bool) {
        let total = if counting {
            &self.bytes_counted
        } else {
            &self.bytes_produced
        };
        total.fetch_add(bytes, Relaxed);
        self.walks.fetch_add(1, Relaxed);
    }

    pub(crate) fn statistics(&self) -> JsonStatistics {
        JsonStatistics {
            bytes_produced: self.bytes_produced.load(Relaxed),
            bytes_counted: self.bytes_counted.load(Relaxed),
            walks: self.walks.load(Relaxed),
        }
    }
}

/// What later productions are compared to.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) checkpoints: Checkpoints,
    end: Option<End>,
}

/// The end of a document.
#[derive(Clone, Copy, Debug)]
struct End {
    length: u64,
    /// `None` if only a counting pass has reached the end.
    fingerprint: Option<Fingerprint>,
}

impl Record {
    pub(crate) fn length(&self) -> Option<u64> {
        self.end.map(|end| end.length)
    }

    /// Records the end of a production, or returns how it differs from an earlier one.
    pub(crate) fn note_end(
        &mut self,
        length: u64,
        fingerprint: Option<Fingerprint>,
    ) -> Result<(), &'static str> {
        let mut end = End {
            length,
            fingerprint,
        };
        if let Some(before) = self.end {
            if before.length != length {
                return Err("its length differs from before");
            }
            end.fingerprint = fingerprint.or(before.fingerprint);
            if before.fingerprint.is_some() && before.fingerprint != end.fingerprint {
                return Err("its bytes differ from before");
            }
        }
        self.end = Some(end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Fingerprint {
        Fingerprint::at(offset)
    }

    #[test]
    fn an_end_that_differs_is_refused() {
        let mut record = Record::default();
        assert_eq!(record.length(), None);
        record.note_end(7, None).unwrap();
        record.note_end(8, None).unwrap_err();
        record.note_end(7, Some(at(7))).unwrap();
        record.note_end(7, None).unwrap();
        record.note_end(7, Some(at(7))).unwrap();
        record.note_end(7, Some(at(8))).unwrap_err();
        assert_eq!(record.length(), Some(7));
    }
}
