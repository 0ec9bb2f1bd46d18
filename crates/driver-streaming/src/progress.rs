use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
/// How far one auction has got, to be looked at while it runs. Cheap to clone; all clones look at the same run.
#[derive(Clone)]
pub struct Progress {
    tracks: Arc<[Track]>,
    observer: Option<Arc<dyn Observer>>,
}

/// Watches a run. Called in the midst of it, by whatever polls a reader: be brief, and do not panic.
///
/// Readers have numbers: the solvers in their order, then the archive.
pub trait Observer: Send + Sync {
    /// The reader has begun to do something else.
    fn entered(&self, reader: usize, stage: Stage);

    /// The reader has taken so many bytes more.
    fn taken(&self, reader: usize, bytes: usize);

    /// The reader is sent the document from its beginning again.
    fn restarted(&self, reader: usize);
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

/// What a reader is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not started.
    Waiting,
    /// The document is on its way.
    Sending,
    /// The document has been taken, the answer or the commit is awaited.
    Answering,
    /// It ended well.
    Ok,
    /// It failed.
    Failed,
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
            observer: None,
        }
    }

    /// The progress of a run of the same readers, with `observer` told of all that happens, too.
    #[must_use]
    pub fn observed(&self, observer: Arc<dyn Observer>) -> Self {
        Self {
            observer: Some(observer),
            ..Self::new(self.tracks.iter().map(|track| track.name.clone()))
        }
    }

    /// Every reader: the solvers in their order, then the archive if there is one.
    pub fn readers(&self) -> impl Iterator<Item = ReaderProgress<'_>> {
        self.tracks.iter().map(|track| ReaderProgress {
            name: &track.name,
            bytes: track.bytes.load(Ordering::Relaxed),
            stage: Stage::from_number(track.stage.load(Ordering::Relaxed)),
        })
    }

    pub(crate) fn track(&self, index: usize) -> ProgressTrack {
        ProgressTrack {
            progress: self.clone(),
            index,
        }
    }
}

/// The writing side of one reader's progress.
#[derive(Clone, Debug)]
pub(crate) struct ProgressTrack {
    progress: Progress,
    index: usize,
}

impl ProgressTrack {
    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.progress.tracks[self.index]
            .bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
        self.observe(|observer| observer.taken(self.index, bytes));
    }

    /// The document is sent from its beginning again.
    pub(crate) fn restart(&self) {
        self.progress.tracks[self.index]
            .bytes
            .store(0, Ordering::Relaxed);
        self.observe(|observer| observer.restarted(self.index));
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        self.progress.tracks[self.index]
            .stage
            .store(stage.number(), Ordering::Relaxed);
        self.observe(|observer| observer.entered(self.index, stage));
    }

    fn observe(&self, event: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.progress.observer {
            event(&**observer);
        }
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Progress")
            .field("tracks", &self.tracks)
            .finish_non_exhaustive()
    }
}

impl Stage {
    const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Sending,
        Self::Answering,
        Self::Ok,
        Self::Failed,
    ];

    fn number(self) -> u8 {
        self as u8
    }

    fn from_number(number: u8) -> Self {
        Self::ALL[usize::from(number)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_was_said_of_each_reader() {
        let progress = Progress::new(["a".to_owned(), "archive".to_owned()]);
        for stage in Stage::ALL {
            progress.track(1).set_stage(stage);
            progress.track(1).add_bytes(2);
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
