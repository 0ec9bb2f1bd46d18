use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use archive_sink::EncodedStream;
use bytes::Bytes;
use futures_util::stream;

use super::pipeline::Pipeline;
use super::pipeline_error::PipelineError;
use super::settings::Settings;
use crate::archive::ArchiveTarget;
use crate::solver::Solver;
use crate::telemetry::{Telemetry, TelemetrySettings};
use upload_client::{ClientSettings, HttpClient};

/// Limits are instants once a run has begun, and no clock reaches as far as a duration.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

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

    /// How long after the first request's start every solver must have answered. 15 s by default, a year at most. A
    /// solver may have a [time limit](Solver::with_timeout) of its own within it.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline.min(LONGEST_LIMIT);
        self
    }

    /// How long the archive may take, whatever the solvers do. 120 s by default, a year at most.
    #[must_use]
    pub fn archive_limit(mut self, limit: Duration) -> Self {
        self.settings.archive_limit = limit.min(LONGEST_LIMIT);
        self
    }

    /// The longest answer that is taken from a solver, in bytes. 10 MB by default. Each solver may cost this much, and up to
    /// twice as much while its answer is read.
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.settings.answer_bytes = bytes;
        self
    }

    /// How much of a document is kept for readers that are behind, in bytes. 1 MiB by default.
    ///
    /// A document has at most four windows, one for each production that is under way at the same time, and so has each
    /// compression of it. A window holds one chunk at least, however small it is to be: 64 KiB, or what a
    /// [`Document`](crate::Document) of your own makes its chunks.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.settings.window_bytes = bytes;
        self
    }

    /// How much the windows of all runs together are to take, in bytes. 64 MiB by default: 16 documents at a time, with
    /// four windows of 1 MiB each.
    ///
    /// No run waits for it. A run takes at most half of what is left, so that later runs get smaller windows, down to one
    /// chunk of 64 KiB for each: when nothing is left, each further run that overlaps costs that beyond the budget (256 KiB
    /// for each document, and for each compression of one). An archive that goes on after its run keeps one window of what
    /// the run had, or two where it shares a compression; all else is given back when the last solver has ended.
    #[must_use]
    pub fn window_budget(mut self, bytes: usize) -> Self {
        self.settings.window_budget_bytes = bytes;
        self
    }

    /// Whether documents are digested, by SHA-256. They are by default.
    ///
    /// Without it, outcomes name no digests. An archive computes its own then, unless that is switched off as well, or it
    /// shares a compression with solvers: such an object carries no digest, and is not recognised when it is there already.
    #[must_use]
    pub fn digest(mut self, enabled: bool) -> Self {
        self.settings.digest = enabled;
        self
    }

    /// The pipeline.
    ///
    /// # Errors
    /// When two solvers have the same name, a solver's settings contradict one another, or the HTTP client cannot be set
    /// up.
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
        for solver in &self.solvers {
            check(solver)?;
        }
        let client = ClientSettings {
            // A peer that takes nothing for a whole deadline, when nobody waits for it any more, is gone.
            tcp_user_timeout: Some(self.settings.deadline),
            ..ClientSettings::default()
        };
        let client = HttpClient::new(&client).map_err(|error| PipelineError::Client {
            source: error.into(),
        })?;
        let telemetry = Telemetry::new(self.telemetry, &self.solvers);
        Ok(Pipeline::new(
            self.solvers,
            self.archive,
            &client,
            self.settings,
            telemetry,
        ))
    }
}

/// Whether requests can be made as the solver's settings say.
fn check(solver: &Solver) -> Result<(), PipelineError> {
    let Some(codec) = solver.encoding() else {
        return Ok(());
    };
    let name = solver.name().to_owned();
    if solver.wants_content_length() {
        return Err(PipelineError::LengthOfEncoded { name });
    }
    match EncodedStream::new(stream::empty::<Result<Bytes, Infallible>>(), codec) {
        Ok(_encoded) => Ok(()),
        Err(source) => Err(PipelineError::Encoding { name, source }),
    }
}
