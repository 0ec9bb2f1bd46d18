//! What is known of a document from earlier productions: its checkpoints, its end, and how much work it has been.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fingerprint::Fingerprint;
use crate::frame::Frame;

/// How much work a document has been so far, summed over all of its clones and streams.
///
/// Returned by [`JsonDocument::statistics`](crate::JsonDocument::statistics). Divide
/// [`bytes_produced`](Self::bytes_produced) by the document's length for the number of productions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonStatistics {
    /// Bytes of JSON that were written, including those that a replay threw away. A counting pass is not included.
    pub bytes_produced: u64,
    /// Bytes of JSON that counting passes have walked over.
    pub bytes_counted: u64,
    /// How often `Serialize` was called on the root: about once for each chunk, and once for each 64 KiB of larger
    /// chunks.
    pub walks: u64,
}

/// Shared by the clones of a document and all of its streams.
#[derive(Debug, Default)]
pub(crate) struct History {
    bytes_produced: AtomicU64,
    bytes_counted: AtomicU64,
    walks: AtomicU64,
    record: Mutex<Record>,
}

impl History {
    /// Never held while a value serialises, nor across a poll.
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

/// What later productions are compared with.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) checkpoints: Checkpoints,
    end: Option<End>,
}

/// The end of a document.
#[derive(Clone, Copy, Debug)]
struct End {
    length: u64,
    /// A counting pass has none.
    fingerprint: Option<Fingerprint>,
}

impl Record {
    pub(crate) fn length(&self) -> Option<u64> {
        self.end.map(|end| end.length)
    }

    /// Notes the end of a production, or says how it differs from that of an earlier one.
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
                return Err("it has another length than before");
            }
            end.fingerprint = fingerprint.or(before.fingerprint);
            if before.fingerprint.is_some() && before.fingerprint != end.fingerprint {
                return Err("its bytes are not those of before");
            }
        }
        self.end = Some(end);
        Ok(())
    }
}

/// The maximum number of checkpoints: when there are more, every other one is dropped and the spacing doubles.
const MOST_CHECKPOINTS: usize = 512;
/// The maximum number of frames in all of their paths.
const MOST_FRAMES: usize = 16 * 1024;
/// The initial distance of checkpoints, in bytes.
const FIRST_SPACING: u64 = 64 * 1024;

/// A checkpoint. Its path is a range of [`Checkpoints::frames`].
#[derive(Clone, Copy, Debug)]
struct Checkpoint {
    fingerprint: Fingerprint,
    frames_end: usize,
}

/// Where walks started: offset, hash of everything before, and path. In ascending order.
///
/// At most 512 of 64 bytes, with at most 16,384 frames of 24 bytes in their paths: 416 KiB in the worst case, and about 80
/// KiB for a value that is four levels deep.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    list: Vec<Checkpoint>,
    frames: Vec<Frame>,
    spacing: u64,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            frames: Vec::new(),
            spacing: FIRST_SPACING,
        }
    }
}

impl Checkpoints {
    /// Whether to note a walk that starts at `offset`.
    pub(crate) fn wants(&self, offset: u64) -> bool {
        let last = self
            .list
            .last()
            .map_or(0, |checkpoint| checkpoint.fingerprint.position());
        offset >= last.saturating_add(self.spacing)
    }

    /// Notes where a walk starts, unless it is not [wanted](Self::wants) or its path is too long to keep.
    pub(crate) fn note(&mut self, fingerprint: Fingerprint, path: &[Frame]) {
        if !self.wants(fingerprint.position()) || path.len() > MOST_FRAMES / 8 {
            return;
        }
        // Before, not after, so that neither vector grows beyond its bound.
        while self.list.len() == MOST_CHECKPOINTS || self.frames.len() + path.len() > MOST_FRAMES {
            self.thin();
        }
        self.frames.extend_from_slice(path);
        let frames_end = self.frames.len();
        self.list.push(Checkpoint {
            fingerprint,
            frames_end,
        });
    }

    /// The last checkpoint at or before `offset`.
    pub(crate) fn before(&self, offset: u64) -> Option<(Fingerprint, &[Frame])> {
        let count = self
            .list
            .partition_point(|checkpoint| checkpoint.fingerprint.position() <= offset);
        let index = count.checked_sub(1)?;
        Some((
            self.list[index].fingerprint,
            &self.frames[self.frames_of(index)],
        ))
    }

    /// The hash at the first checkpoint after `offset`.
    pub(crate) fn after(&self, offset: u64) -> Option<Fingerprint> {
        let index = self
            .list
            .partition_point(|checkpoint| checkpoint.fingerprint.position() <= offset);
        self.list
            .get(index)
            .map(|checkpoint| checkpoint.fingerprint)
    }

    fn frames_of(&self, index: usize) -> std::ops::Range<usize> {
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.list[before].frames_end);
        start..self.list[index].frames_end
    }

    /// Drops every other checkpoint, in place.
    fn thin(&mut self) {
        let (mut kept, mut end) = (0, 0);
        for index in (0..self.list.len()).step_by(2) {
            let frames = self.frames_of(index);
            let length = frames.len();
            self.frames.copy_within(frames, end);
            end += length;
            let fingerprint = self.list[index].fingerprint;
            self.list[kept] = Checkpoint {
                fingerprint,
                frames_end: end,
            };
            kept += 1;
        }
        self.list.truncate(kept);
        self.frames.truncate(end);
        self.spacing *= 2;
    }
}

/// Hashes the bytes of one production and compares the hash at each checkpoint of the document.
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

    /// Hashes the bytes that follow.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while let Some(next) = self.next {
            let ahead = next.position() - self.fingerprint.position();
            // A checkpoint beyond these bytes is for a later call; one exactly at their end is for this one.
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

    /// Looks up the next checkpoint if none is known. Returns whether the walk that starts here should become one.
    pub(crate) fn start_walk(&mut self) -> bool {
        if self.next.is_some() {
            return false;
        }
        let record = self.history.record();
        let position = self.fingerprint.position();
        self.next = record.checkpoints.after(position);
        self.next.is_none() && record.checkpoints.wants(position)
    }

    /// Whether some bytes differed from those of an earlier production.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Notes a checkpoint here, with the path that leads to it.
    pub(crate) fn note(&self, path: &[Frame]) {
        self.history
            .record()
            .checkpoints
            .note(self.fingerprint, path);
    }

    /// The end of the document was reached, at `length` bytes: one less than went in, if it is left open. Says how it
    /// differs from that of an earlier production.
    pub(crate) fn finish(&self, length: u64) -> Result<(), &'static str> {
        self.history
            .record()
            .note_end(length, Some(self.fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Kind;

    fn at(offset: u64) -> Fingerprint {
        Fingerprint::at(offset)
    }

    fn path(offset: u64) -> Vec<Frame> {
        (0..offset / FIRST_SPACING % 5)
            .map(|depth| Frame {
                index: offset + depth,
                length: 0,
                key: 0,
                kind: Kind::Map,
            })
            .collect()
    }

    #[test]
    fn thinning_keeps_each_path_with_its_offset() {
        let mut checkpoints = Checkpoints::default();
        for offset in (1..5000).map(|index| index * FIRST_SPACING) {
            checkpoints.note(at(offset), &path(offset));
            assert!(
                checkpoints.list.len() <= MOST_CHECKPOINTS
                    && checkpoints.frames.len() <= MOST_FRAMES
            );
            let last = checkpoints.list.last().unwrap().fingerprint.position();
            assert!(offset - last < checkpoints.spacing);
            for probe in [offset, offset / 2, offset / 7 + 1] {
                if let Some((found, frames)) = checkpoints.before(probe) {
                    assert!(
                        found.position() <= probe
                            && probe - found.position() < 2 * checkpoints.spacing
                    );
                    assert_eq!(frames, path(found.position()));
                    assert!(
                        checkpoints
                            .after(probe)
                            .is_none_or(|next| next.position() > probe)
                    );
                }
            }
        }
        assert_eq!(checkpoints.spacing, FIRST_SPACING * 16);
    }

    #[test]
    fn long_paths_are_bounded_too() {
        let mut checkpoints = Checkpoints::default();
        let frame = Frame {
            index: 1,
            length: 0,
            key: 0,
            kind: Kind::Sequence,
        };
        for offset in (1..500).map(|index| index * FIRST_SPACING) {
            checkpoints.note(at(offset), &[frame; 1000]);
            assert!(checkpoints.frames.len() <= MOST_FRAMES);
        }
        assert!(!checkpoints.list.is_empty());
        let count = checkpoints.list.len();
        checkpoints.note(at(u64::MAX), &vec![frame; MOST_FRAMES]);
        assert_eq!(
            checkpoints.list.len(),
            count,
            "it would push out all others"
        );
    }

    #[test]
    fn an_end_that_is_another_one_is_refused() {
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
