use std::sync::Arc;

use futures_util::future::{OptionFuture, join};
use tokio_util::task::TaskTracker;

use super::pending_archive::PendingArchive;
use super::pipeline_builder::PipelineBuilder;
use super::run::Run;
use super::settings::Settings;
use super::window_budget::WindowBudget;
use crate::archive::ArchiveTarget;
use crate::dispatch::Dispatch;
use crate::http_client::HttpClient;
use crate::outcome::{ArchiveOutcome, Outcome};
use crate::progress::Progress;
use crate::solver::Solver;
use crate::telemetry::Telemetry;

/// Sends auctions to solvers and keeps a copy of each.
///
/// One production of a document serves all who are sent it: each solver and the archive are branches of one tee.
/// Nothing is buffered but windows and what the HTTP client and the archive hold; no thread and no task is started.
///
/// Any number of runs may overlap. They share each solver's connections and one [budget](PipelineBuilder::window_budget)
/// for windows, and none waits for another.
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
    /// By the solver's index: a solver that does not read holds up no other, even one of the same engine.
    clients: Vec<HttpClient>,
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
            clients: solvers.iter().map(|_| client.apart()).collect(),
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
        let (mut run, archiving) = Run::start(self, &dispatch, progress).await;
        let keep = OptionFuture::from(archiving.map(|archiving| archiving.keep()));
        let (solvers, archive) = join(run.send_all(), keep).await;
        run.finish(solvers, archive.unwrap_or_else(ArchiveOutcome::skipped))
    }

    /// Like [`run`](Self::run), and returns when every solver has ended: the archive goes on in a task of its own, for
    /// which [`drain`](Self::drain) waits.
    ///
    /// Cancel safety: as for `run`, but for the archive, which goes on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn run_ahead_of_archive(&self, dispatch: Dispatch) -> (Outcome, PendingArchive) {
        let (mut run, archiving) = Run::start(self, &dispatch, &self.progress()).await;
        let task = archiving.map(|archiving| self.inner.pending.spawn(archiving.keep()));
        let archive = match task {
            Some(_) => ArchiveOutcome::running(),
            None => ArchiveOutcome::skipped(),
        };
        let solvers = run.send_all().await;
        (run.finish(solvers, archive), PendingArchive::new(task))
    }

    /// Waits until nothing of earlier runs is left: archives that go on, and those that were given up and are still
    /// cleaned up in the background.
    ///
    /// Call it before the runtime shuts down. Cancel safe: it only waits.
    pub async fn drain(&self) {
        self.inner.pending.wait().await;
        if let Some(target) = self.archive() {
            target.archive().settled().await;
        }
    }

    pub(super) fn archive(&self) -> Option<&ArchiveTarget> {
        self.inner.archive.as_ref()
    }

    /// By the solver's index.
    pub(super) fn clients(&self) -> &[HttpClient] {
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
