use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::observer::{Observer, Stage};

/// How far one auction has got, to be looked at while it runs: an [`Observer`]. Clones look at the same run.
/// Made by [`Pipeline::progress`](crate::Pipeline::progress).
#[derive(Clone, Debug)]
pub struct Progress {
    tracks: Arc<[Track]>,
}

/// One reader of the auction: its name, and what was seen of it.
#[derive(Debug)]
struct Track {
    name: String,
    bytes_and_stage: Mutex<(u64, Stage)>,
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
            bytes_and_stage: Mutex::new((0, Stage::Waiting)),
        };
        Self {
            tracks: names.into_iter().map(track).collect(),
        }
    }

    /// Every reader: the solvers in their order, then the archive if there is one.
    pub fn readers(&self) -> impl Iterator<Item = ReaderProgress<'_>> {
        self.tracks.iter().map(|track| {
            let (bytes, stage) = *lock(&track.bytes_and_stage);
            let name = &track.name;
            ReaderProgress { name, bytes, stage }
        })
    }

    /// Changes what was seen of a reader. One that it does not know, it does not count.
    fn change(&self, reader: usize, change: impl FnOnce(&mut (u64, Stage))) {
        if let Some(track) = self.tracks.get(reader) {
            change(&mut lock(&track.bytes_and_stage));
        }
    }
}

impl Observer for Progress {
    fn entered(&self, reader: usize, stage: Stage) {
        self.change(reader, |seen| seen.1 = stage);
    }

    fn taken(&self, reader: usize, bytes: usize) {
        self.change(reader, |seen| seen.0 += bytes as u64);
    }

    fn restarted(&self, reader: usize) {
        self.change(reader, |seen| seen.0 = 0);
    }
}

pub(crate) fn lock<T>(seen: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of others runs while it is held.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_was_said_of_each_reader() {
        let progress = Progress::new(["a".to_owned(), "archive".to_owned()]);
        let stages = [
            Stage::Waiting,
            Stage::Sending,
            Stage::Answering,
            Stage::Ok,
            Stage::Failed,
        ];
        for stage in stages {
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
