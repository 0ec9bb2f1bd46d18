use std::collections::HashSet;
use std::time::Duration;

use super::clients::Clients;
use super::pipeline::Pipeline;
use super::pipeline_error::PipelineError;
use super::settings::Settings;
use crate::archive::ArchiveTarget;
use crate::solver::Solver;
use crate::telemetry::{Telemetry, TelemetrySettings};

/// Settings of a [`Pipeline`].
#[derive(Debug, Default)]
pub struct PipelineBuilder {
    solvers: Vec<Solver>,
    archive: Option<ArchiveTarget>,
    settings: Settings,
    pub(crate) telemetry: TelemetrySettings,
}

impl PipelineBuilder {
    /// Adds a solver.
    #[must_use]
    pub fn solver(mut self, solver: Solver) -> Self {
        self.solvers.push(solver);
        self
    }

    /// Adds solvers.
    #[must_use]
    pub fn solvers(mut self, solvers: impl IntoIterator<Item = Solver>) -> Self {
        self.solvers.extend(solvers);
        self
    }

    /// Where auctions are kept. Without one, they are not.
    #[must_use]
    pub fn archive(mut self, archive: ArchiveTarget) -> Self {
        self.archive = Some(archive);
        self
    }

    /// How long after the first request's start every solver must have answered. 15 s by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// How long the archive may take, whatever the solvers do. 120 s by default.
    #[must_use]
    pub fn archive_limit(mut self, limit: Duration) -> Self {
        self.settings.archive_limit = limit;
        self
    }

    /// The longest answer that is taken from a solver, in bytes. 10 MB by default. Each solver may cost this much.
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.settings.answer_bytes = bytes;
        self
    }

    /// How much of the document is kept for readers that are behind, in bytes. 1 MiB by default.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.settings.window_bytes = bytes;
        self
    }

    /// The pipeline.
    ///
    /// # Errors
    /// When two solvers have the same name, or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Pipeline, PipelineError> {
        let mut names = HashSet::new();
        if let Some(twice) = self
            .solvers
            .iter()
            .find(|solver| !names.insert(solver.name()))
        {
            return Err(PipelineError::SameName {
                name: twice.name().to_owned(),
            });
        }
        let telemetry = Telemetry::new(self.telemetry, &self.solvers);
        Ok(Pipeline::new(
            self.solvers,
            self.archive,
            Clients::new(self.settings.deadline)?,
            self.settings,
            telemetry,
        ))
    }
}
