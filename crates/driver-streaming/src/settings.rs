use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::learned_encoding::LearnedEncodings;
use crate::observer::{Observer, RunStart};
use crate::optional_archive::Archiver;
use crate::solver::Solver;
use crate::window_budget::WindowBudget;

/// What a pipeline is made of.
pub(crate) struct Setup {
    pub(crate) solvers: Vec<Solver>,
    pub(crate) archiver: Option<Arc<dyn Archiver>>,
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) budget: WindowBudget,
    pub(crate) observers: Vec<MakeObserver>,
    pub(crate) learned_encodings: LearnedEncodings,
}

/// Makes the observer of each run.
pub(crate) type MakeObserver = Box<dyn Fn(&RunStart<'_>) -> Arc<dyn Observer> + Send + Sync>;

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Setup")
            .field("solvers", &self.solvers)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What bounds each run of a pipeline; by default what holds where the builder is told nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) deadline: Duration,
    pub(crate) archive_limit: Duration,
    pub(crate) answer_bytes: usize,
    pub(crate) window_bytes: usize,
    pub(crate) window_budget_bytes: usize,
    pub(crate) digest: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(15),
            archive_limit: Duration::from_secs(120),
            answer_bytes: 30_000_000,
            window_bytes: 1024 * 1024,
            window_budget_bytes: 64 * 1024 * 1024,
            digest: true,
        }
    }
}
