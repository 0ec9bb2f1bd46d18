use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::observer::{Observer, Stage};

/// How far one auction has got, to be looked at while it runs: an [`Observer`]. Cheap to clone; all clones look at the same
/// run.
///
/// Made by [`Pipeline::progress`](crate::Pipeline::progress).
#[derive(Clone, Debug)]
pub struct Progress {
    tracks: Arc<[Track]>,
}

/// One reader of the auction.
#[derive(Debug)]
struct Track {
    name: String,
    bytes: AtomicU64,
    stage: AtomicU8,
}

/// How far one solver, or the archive, has got.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderProgress<'a> {
    /// The solver's name, or `archive`.
    pub name: &'a str,
    /// Bytes of the document taken so far.
    pub bytes: u64,
    /// What it is doing.
    pub stage: Stage,
}

impl Progress {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let track = |name| Track {
            name,
            bytes: AtomicU64::new(0),
            stage: AtomicU8::new(0),
        };
        Self {
            tracks: names.into_iter().map(track).collect(),
        }
    }

    /// Every reader: the solvers in their order, then the archive if there is one.
    pub fn readers(&self) -> impl Iterator<Item = ReaderProgress<'_>> {
        self.tracks.iter().map(|track| ReaderProgress {
            name: &track.name,
            bytes: track.bytes.load(Ordering::Relaxed),
            stage: STAGES[usize::from(track.stage.load(Ordering::Relaxed))],
        })
    }
}

/// By their numbers.
const STAGES: [Stage; 5] = [
    Stage::Waiting,
    Stage::Sending,
    Stage::Answering,
    Stage::Ok,
    Stage::Failed,
];

/// Readers that it does not know, it does not count.
impl Observer for Progress {
    fn entered(&self, reader: usize, stage: Stage) {
        if let Some(track) = self.tracks.get(reader) {
            track.stage.store(stage as u8, Ordering::Relaxed);
        }
    }

    fn taken(&self, reader: usize, bytes: usize) {
        if let Some(track) = self.tracks.get(reader) {
            track.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn restarted(&self, reader: usize) {
        if let Some(track) = self.tracks.get(reader) {
            track.bytes.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_was_said_of_each_reader() {
        let progress = Progress::new(["a".to_owned(), "archive".to_owned()]);
        for stage in STAGES {
            progress.entered(1, stage);
            progress.taken(1, 2);
            let seen: Vec<_> = progress.readers().collect();
            assert_eq!(
                seen[0],
                ReaderProgress {
                    name: "a",
                    bytes: 0,
                    stage: Stage::Waiting
                }
            );
            assert_eq!((seen[1].name, seen[1].stage), ("archive", stage));
        }
        assert_eq!(progress.readers().last().unwrap().bytes, 10);
    }
}
