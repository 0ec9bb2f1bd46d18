use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
#[cfg(feature = "cli")]
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "cli")]
use tokio::time::Instant;

#[cfg(feature = "cli")]
use crate::timeline::Timeline;

/// How far one auction has got, to be looked at while it runs. Cheap to clone; all clones look at the same run.
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
    /// Only where somebody wants to see it.
    #[cfg(feature = "cli")]
    timeline: Option<Mutex<Timeline>>,
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
#[non_exhaustive]
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
            #[cfg(feature = "cli")]
            timeline: None,
        };
        Self {
            tracks: names.into_iter().map(track).collect(),
        }
    }

    /// The progress of a run of the same readers, which remembers when each was how far, counted from now.
    #[cfg(feature = "cli")]
    pub(crate) fn remembering(&self) -> Self {
        let origin = Instant::now();
        let track = |track: &Track| Track {
            name: track.name.clone(),
            bytes: AtomicU64::new(0),
            stage: AtomicU8::new(0),
            timeline: Some(Mutex::new(Timeline::new(origin))),
        };
        Self {
            tracks: self.tracks.iter().map(track).collect(),
        }
    }

    /// What has been remembered of each reader so far, in the order of [`readers`](Self::readers).
    #[cfg(feature = "cli")]
    pub(crate) fn timelines(&self) -> impl Iterator<Item = Option<Timeline>> {
        self.tracks.iter().map(|track| {
            let timeline = track.timeline.as_ref()?.lock();
            Some(timeline.unwrap_or_else(PoisonError::into_inner).clone())
        })
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
        #[cfg(feature = "cli")]
        self.remember(|timeline| timeline.taken(bytes as u64));
    }

    /// The document is sent from its beginning again.
    pub(crate) fn restart(&self) {
        self.progress.tracks[self.index]
            .bytes
            .store(0, Ordering::Relaxed);
        #[cfg(feature = "cli")]
        self.remember(Timeline::restarted);
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        self.progress.tracks[self.index]
            .stage
            .store(stage.number(), Ordering::Relaxed);
        #[cfg(feature = "cli")]
        self.remember(|timeline| timeline.entered(stage));
    }

    #[cfg(feature = "cli")]
    fn remember(&self, event: impl FnOnce(&mut Timeline)) {
        if let Some(timeline) = &self.progress.tracks[self.index].timeline {
            event(&mut timeline.lock().unwrap_or_else(PoisonError::into_inner));
        }
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
