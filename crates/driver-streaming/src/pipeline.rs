use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::dispatch::Dispatch;
use crate::outcome::{ArchiveOutcome, Outcome};
use crate::progress::Progress;
use crate::run::Run;
use crate::setup::Setup;
use crate::solver::Solver;

/// Sends auctions to solvers and keeps a copy of each.
///
/// One production of a document serves all who are sent it: each solver and the archive are branches of one tee.
/// Nothing is buffered but windows and what the HTTP client and the archive hold; no thread and no task is started.
///
/// Any number of runs may overlap. They share what connections are unused and one [budget](PipelineBuilder::window_budget)
/// for windows, and none waits for another: later ones have smaller windows. How many overlap is the caller's choice, and
/// so is what they take together: limit it where auctions come faster than they end.
///
/// Cheap to clone; clones share all of that.
#[derive(Clone, Debug)]
pub struct Pipeline {
    setup: Arc<Setup>,
}

impl Pipeline {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            setup: Arc::new(setup),
        }
    }

    /// The solvers, in the order in which outcomes name them.
    pub fn solvers(&self) -> &[Solver] {
        &self.setup.solvers
    }

    /// The progress of a run to come, for [`Dispatch::observed_by`].
    pub fn progress(&self) -> Progress {
        let archive = self.setup.archiver.as_ref().map(|_| "archive".to_owned());
        Progress::new(
            self.solvers()
                .iter()
                .map(|solver| solver.name().to_owned())
                .chain(archive),
        )
    }

    /// Sends each solver its document and, if there is an archive and an id, archives the auction. Returns when all of
    /// that has ended.
    ///
    /// Cancel safety: dropping the future gives up every request that is under way: with the default client, its body is
    /// freed and its connection closed in the same call. Of the archive, it leaves what a dropped `ArchiveWriter` of
    /// `archive-sink` leaves.
    pub async fn run(&self, dispatch: Dispatch) -> Outcome {
        self.run_until(dispatch, std::future::pending()).await
    }

    /// Like [`run`](Self::run), and ends as soon as `stop` is ready: what has not ended by then is left as if the future had
    /// been dropped, and is reported as cancelled. What has ended is reported as it ended.
    pub async fn run_until(&self, dispatch: Dispatch, stop: impl Future<Output = ()>) -> Outcome {
        let (run, archiving) = Run::start(&self.setup, &dispatch);
        run.until(archiving, stop).await
    }

    /// Like [`run`](Self::run), and returns when every solver has ended: the archive goes on in a task of its own, for
    /// which [`drain`](Self::drain) waits.
    ///
    /// Cancel safety: as for `run`, but for the archive, which goes on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn run_ahead_of_archive(&self, dispatch: Dispatch) -> (Outcome, PendingArchive) {
        let (run, archiving) = Run::start(&self.setup, &dispatch);
        let archiver = self.setup.archiver.as_ref();
        let task = archiver
            .zip(archiving)
            .map(|(archiver, archiving)| archiver.go_on(archiving));
        let outcome = run.without_archive().await;
        (outcome, PendingArchive { task })
    }

    /// Waits until no archive goes on, and none that was given up is still cleaned up in the background.
    ///
    /// Call it before the runtime shuts down, when no more runs are begun: it waits for the archives of runs that are begun
    /// meanwhile, too. May be called more than once, also at the same time. Cancel safe: it only waits.
    pub async fn drain(&self) {
        if let Some(archiver) = &self.setup.archiver {
            archiver.drained().await;
        }
    }
}

/// An archive that goes on after its run.
///
/// Dropping this does not stop it: [`Pipeline::drain`](crate::Pipeline::drain) waits for it.
#[derive(Debug)]
pub struct PendingArchive {
    /// `None` when nothing is archived.
    task: Option<JoinHandle<ArchiveOutcome>>,
}

impl PendingArchive {
    /// Waits until it has ended, and says how.
    ///
    /// Cancel safety: the archive goes on when the future is dropped.
    pub async fn ended(self) -> ArchiveOutcome {
        match self.task {
            None => ArchiveOutcome::skipped(),
            Some(task) => task.await.unwrap_or_else(|error| {
                ArchiveOutcome::lost(format!("the task that archived ended: {error}"))
            }),
        }
    }
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use chunked_writer::JsonDocument;
    use futures_util::future::join;
    use tokio::sync::oneshot;
    use tokio::task::JoinSet;

    use super::*;
    use crate::observer::Stage;
    use crate::outcome::{ArchiveStatus, SolverStatus};
    use solver_stand_in::StandIn;

    #[tokio::test]
    async fn what_has_ended_by_the_stop_is_told_as_it_ended() {
        let mut engines = JoinSet::new();
        let mut builder = Pipeline::builder();
        for (name, stall_after) in [("swift", None), ("stalled", Some(1))] {
            let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let engine = match stall_after {
                Some(bytes) => StandIn::builder().stall_after(bytes),
                None => StandIn::builder(),
            };
            let engine = engine.bind(loopback).await.unwrap();
            builder = builder.solver(Solver::new(name, &engine.url()).unwrap());
            engines.spawn(engine.serve());
        }
        let pipeline = builder.build().unwrap();
        let progress = pipeline.progress();
        let (stop, stopped) = oneshot::channel::<()>();
        let dispatch = Dispatch::new(JsonDocument::new("x".repeat(100)));
        let run = pipeline.run_until(dispatch.observed_by(progress.clone()), async {
            stopped.await.unwrap();
        });
        let watch = async {
            loop {
                let seen: Vec<_> = progress.readers().collect();
                if seen[0].stage == Stage::Ok && seen[1].bytes == 102 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            stop.send(()).unwrap();
        };
        let (outcome, ()) = join(run, watch).await;
        assert!(outcome.is_cancelled() && !outcome.is_ok());
        let [swift, stalled] = &outcome.solvers[..] else {
            panic!("{outcome:?}");
        };
        assert_eq!(swift.status, SolverStatus::Ok);
        assert!(swift.response.is_some());
        assert_eq!(stalled.status, SolverStatus::Cancelled);
        assert_eq!((stalled.attempts, stalled.bytes_sent), (1, Some(102)));
        assert!(stalled.error.is_some());
        assert_eq!(outcome.archive.status, ArchiveStatus::Skipped);
        assert_eq!(outcome.auction.bytes, Some(102));
        let stages = progress.readers().map(|reader| reader.stage);
        assert_eq!(stages.collect::<Vec<_>>(), [Stage::Ok, Stage::Failed]);
    }
}
