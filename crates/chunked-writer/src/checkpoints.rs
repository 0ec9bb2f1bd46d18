//! The offsets at which a production can start in the middle of a document.

use crate::fingerprint::Fingerprint;
use crate::path::Frame;

/// The maximum number of checkpoints. Beyond it, every other one is dropped and the spacing doubles.
const MOST_CHECKPOINTS: usize = 512;
/// The maximum number of frames in all paths together.
const MOST_FRAMES: usize = 16 * 1024;
/// The initial distance between checkpoints, in bytes.
const FIRST_SPACING: u64 = 64 * 1024;

/// A checkpoint. Its path is a range of [`Checkpoints::frames`].
#[derive(Clone, Copy, Debug)]
struct Checkpoint {
    fingerprint: Fingerprint,
    frames_end: usize,
}

/// The checkpoints of a document in ascending order: offset, hash of everything before it, and path.
///
/// There are at most 512 of 64 bytes each, with at most 16,384 frames of 24 bytes in their paths: 416 KiB in the worst
/// case, and about 80 KiB for a value that is four levels deep.
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
    /// Returns whether to record a walk that starts at `offset`.
    pub(crate) fn wants(&self, offset: u64) -> bool {
        let last = self
            .list
            .last()
            .map_or(0, |checkpoint| checkpoint.fingerprint.position());
        offset >= last.saturating_add(self.spacing)
    }

    /// Records where a walk starts, if it is [wanted](Self::wants) and its path is short enough to keep.
    pub(crate) fn note(&mut self, fingerprint: Fingerprint, path: &[Frame]) {
        if !self.wants(fingerprint.position()) || path.len() > MOST_FRAMES / 8 {
            return;
        }
        // Thin before pushing, so that neither vector exceeds its bound.
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

    /// Returns the last checkpoint at or before `offset`.
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

    /// Returns the hash at the first checkpoint after `offset`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Kind;

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
                let next = checkpoints.after(probe);
                assert_eq!(next.is_some(), probe < last);
                assert!(next.is_none_or(|next| next.position() > probe));
                let found = checkpoints.before(probe);
                assert_eq!(found.is_some(), probe >= FIRST_SPACING);
                if let Some((found, frames)) = found {
                    assert!(
                        found.position() <= probe
                            && probe - found.position() < 2 * checkpoints.spacing
                    );
                    assert_eq!(frames, path(found.position()));
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
}
