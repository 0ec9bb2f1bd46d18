use std::sync::Arc;

use futures_util::future::{OptionFuture, join};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pending_archive::PendingArchive;
use super::pipeline_builder::PipelineBuilder;
use super::run::Run;
use super::settings::Settings;
use super::window_budget::WindowBudget;
use crate::archive::ArchiveTarget;
use crate::dispatch::Dispatch;
use crate::outcome::{ArchiveOutcome, Outcome};
use crate::progress::{Progress, Stage};
use crate::solver::Solver;
use crate::telemetry::Telemetry;
use upload_client::{ClientPool, HttpClient};

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
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    solvers: Vec<Solver>,
    archive: Option<ArchiveTarget>,
    /// By the solver's index: a request that is not read holds up none to another solver, even of the same engine, and none
    /// of another run.
    clients: Vec<ClientPool>,
    settings: Settings,
    budget: WindowBudget,
    telemetry: Telemetry,
    /// Archives that go on after their runs.
    pending: TaskTracker,
}

impl Pipeline {
    /// A pipeline to be set up.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    pub(super) fn new(
        solvers: Vec<Solver>,
        archive: Option<ArchiveTarget>,
        client: &HttpClient,
        settings: Settings,
        telemetry: Telemetry,
    ) -> Self {
        let pending = TaskTracker::new();
        // Closed for good, it still takes tasks, and to wait is to wait until it is empty.
        pending.close();
        let inner = Inner {
            clients: solvers
                .iter()
                .map(|_| ClientPool::new(client.clone()))
                .collect(),
            solvers,
            archive,
            budget: WindowBudget::new(settings.window_budget_bytes),
            settings,
            telemetry,
            pending,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The solvers, in the order in which outcomes name them.
    pub fn solvers(&self) -> &[Solver] {
        &self.inner.solvers
    }

    /// The progress of a run to come, for [`run_with_progress`](Self::run_with_progress).
    pub fn progress(&self) -> Progress {
        let archive = self.archive().map(|_| "archive".to_owned());
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
    /// Cancel safety: dropping the future closes every connection on which a request is under way, and leaves of the
    /// archive what a dropped [`archive_sink::ArchiveWriter`] leaves.
    pub async fn run(&self, dispatch: Dispatch) -> Outcome {
        self.run_with_progress(dispatch, &self.progress()).await
    }

    /// Like [`run`](Self::run), and says in `progress`, made by [`progress`](Self::progress), how far it has got.
    ///
    /// # Panics
    /// When `progress` was made by a pipeline with fewer readers.
    pub async fn run_with_progress(&self, dispatch: Dispatch, progress: &Progress) -> Outcome {
        self.run_until_stopped(dispatch, progress, &CancellationToken::new())
            .await
    }

    /// Like [`run_with_progress`](Self::run_with_progress), and ends as soon as `stop` is cancelled: what has not ended by
    /// then is left as if the future had been dropped, and is reported as cancelled.
    pub async fn run_until_stopped(
        &self,
        dispatch: Dispatch,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Outcome {
        let (mut run, archiving) = Run::start(self, &dispatch, progress);
        let keep = OptionFuture::from(archiving.map(|archiving| archiving.keep()));
        let keep = stop.run_until_cancelled(keep);
        let (solvers, archive) = join(run.send_all(stop), keep).await;
        let archive = match archive {
            Some(Some(ended)) => ended,
            Some(None) => ArchiveOutcome::skipped(),
            None => self.cancelled_archive(&dispatch, progress),
        };
        run.finish(solvers, archive)
    }

    /// Like [`run`](Self::run), and returns when every solver has ended: the archive goes on in a task of its own, for
    /// which [`drain`](Self::drain) waits.
    ///
    /// Cancel safety: as for `run`, but for the archive, which goes on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn run_ahead_of_archive(&self, dispatch: Dispatch) -> (Outcome, PendingArchive) {
        let (mut run, archiving) = Run::start(self, &dispatch, &self.progress());
        let task = archiving.map(|archiving| self.inner.pending.spawn(archiving.keep()));
        let archive = match task {
            Some(_) => ArchiveOutcome::running(),
            None => ArchiveOutcome::skipped(),
        };
        let solvers = run.send_all(&CancellationToken::new()).await;
        (run.finish(solvers, archive), PendingArchive::new(task))
    }

    /// Waits until no archive goes on, and none that was given up is still cleaned up in the background.
    ///
    /// Call it before the runtime shuts down, when no more runs are begun: it waits for the archives of runs that are begun
    /// meanwhile, too. May be called more than once, also at the same time. Cancel safe: it only waits.
    pub async fn drain(&self) {
        self.inner.pending.wait().await;
        if let Some(target) = self.archive() {
            target.archive().settled().await;
        }
    }

    fn cancelled_archive(&self, dispatch: &Dispatch, progress: &Progress) -> ArchiveOutcome {
        let Some((target, _id)) = self.archive().zip(dispatch.id()) else {
            return ArchiveOutcome::skipped();
        };
        let archive = self.solvers().len();
        let stage = progress.readers().nth(archive).map(|reader| reader.stage);
        progress.track(archive).set_stage(Stage::Failed);
        ArchiveOutcome::cancelled(
            target.archive().codec().kind().name(),
            stage == Some(Stage::Answering),
        )
    }

    pub(super) fn archive(&self) -> Option<&ArchiveTarget> {
        self.inner.archive.as_ref()
    }

    /// By the solver's index.
    pub(super) fn clients(&self) -> &[ClientPool] {
        &self.inner.clients
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(super) fn budget(&self) -> &WindowBudget {
        &self.inner.budget
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.inner.telemetry
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use chunked_writer::JsonDocument;
    use tokio::task::JoinSet;

    use super::*;
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
        let stop = CancellationToken::new();
        let dispatch = Dispatch::new(JsonDocument::new("x".repeat(100)));
        let run = pipeline.run_until_stopped(dispatch, &progress, &stop);
        let watch = async {
            loop {
                let seen: Vec<_> = progress.readers().collect();
                if seen[0].stage == Stage::Ok && seen[1].bytes == 102 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            stop.cancel();
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
