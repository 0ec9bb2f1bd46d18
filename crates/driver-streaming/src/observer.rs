use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::HeaderMap;
use measured_body::{Measurements, ProductionMeter};

use crate::auction_id::AuctionId;
use crate::outcome::{ArchiveOutcome, Outcome, SolverOutcome};
use crate::solver::Solver;

/// Watches a run. Every method does nothing by default.
///
/// Whatever polls a reader calls these methods, so be brief and do not panic. Readers have numbers: the solvers in their
/// order, then the archive.
///
/// An observer is dropped with its run, even one that is dropped half-way, but not before an archive that continues after it.
#[allow(
    unused_variables,
    reason = "the names of parameters are for those who implement a method"
)]
pub trait Observer: Send + Sync {
    /// Adds headers to the requests to a solver, before the first of them is made.
    fn headers(&self, solver: usize, headers: &mut HeaderMap) {}

    /// The reader has entered another stage.
    fn entered(&self, reader: usize, stage: Stage) {}

    /// The reader has taken this many more bytes.
    fn taken(&self, reader: usize, bytes: usize) {}

    /// The body of a request to a solver waits for data, until the solver has [taken](Self::taken) some or the body ends.
    fn waits_for_data(&self, solver: usize) {}

    /// The reader is sent the document from its start again.
    fn restarted(&self, reader: usize) {}

    /// The body of a request to a solver has ended.
    fn body_ended(&self, solver: usize, measurements: &Measurements) {}

    /// The last request to a solver is over, or was cancelled.
    fn solver_ended(&self, solver: usize, outcome: &SolverOutcome) {}

    /// The archive is committed, has failed, or was cancelled.
    fn archive_ended(&self, outcome: &ArchiveOutcome) {}

    /// The run has ended. Its archive may continue. `production` measured the productions of its documents.
    fn run_ended(&self, outcome: &Outcome, production: &ProductionMeter) {}
}

/// What a reader is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not started.
    Waiting,
    /// The document is being sent.
    Sending,
    /// The whole document has been taken, and no answer has begun.
    Thinking,
    /// The answer is arriving, or the archive is being committed.
    Answering,
    /// It ended well.
    Ok,
    /// It failed.
    Failed,
}

/// A run that begins, for [`PipelineBuilder::observe`](crate::PipelineBuilder::observe).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RunStart<'a> {
    /// The auction's id, if it has one.
    pub id: Option<&'a AuctionId>,
    /// The solvers of the pipeline, in their order.
    pub solvers: &'a [Solver],
    /// Whether the auction is archived.
    pub is_archived: bool,
}

/// All observers of a run.
pub(crate) type Observers = Arc<[Arc<dyn Observer>]>;

/// All observers of a run, as one of its readers notifies them.
#[derive(Clone)]
pub(crate) struct ReaderObservers {
    all: Observers,
    reader: usize,
}

impl ReaderObservers {
    pub(crate) fn new(all: &Observers, reader: usize) -> Self {
        let all = Arc::clone(all);
        Self { all, reader }
    }

    pub(crate) fn notify(&self, mut event: impl FnMut(&dyn Observer, usize)) {
        for observer in &*self.all {
            event(&**observer, self.reader);
        }
    }

    pub(crate) fn entered(&self, stage: Stage) {
        self.notify(|observer, reader| observer.entered(reader, stage));
    }

    pub(crate) fn taken(&self, bytes: usize) {
        self.notify(|observer, reader| observer.taken(reader, bytes));
    }

    /// The reader has ended. Nothing comes after this.
    pub(crate) fn ended(&self, is_ok: bool) {
        self.entered(if is_ok { Stage::Ok } else { Stage::Failed });
    }
}

/// An [`Observer`] that shows how far a run has got. Clones watch the same run. Created by
/// [`Pipeline::progress`](crate::Pipeline::progress).
#[derive(Clone, Debug)]
pub struct Progress {
    tracks: Arc<[Track]>,
}

/// One reader: its name, and what was seen of it.
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

    /// Returns every reader: the solvers in their order, then the archive if there is one.
    pub fn readers(&self) -> impl Iterator<Item = ReaderProgress<'_>> {
        self.tracks.iter().map(|track| {
            let (bytes, stage) = *lock(&track.bytes_and_stage);
            let name = &track.name;
            ReaderProgress { name, bytes, stage }
        })
    }

    /// Changes what was seen of a reader. Ignores unknown readers.
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
