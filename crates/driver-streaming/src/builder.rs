use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::client::{BoxError, Client, any_client};
use crate::encoding::{self, LearnedEncodings};
use crate::observer::{Observer, RunStart};
use crate::optional_archive::Archiver;
use crate::pipeline::Pipeline;
use crate::request_body::RequestBody;
use crate::solver::Solver;
use crate::window_budget::WindowBudget;

/// A year at most: limits are instants once a run has begun, and no clock reaches as far as a duration.
pub(crate) fn bounded(limit: Duration) -> Duration {
    limit.min(Duration::from_secs(365 * 24 * 60 * 60))
}

/// Settings of a [`Pipeline`].
pub struct PipelineBuilder {
    pub(crate) solvers: Vec<Solver>,
    pub(crate) archiver: Option<Arc<dyn Archiver>>,
    client: Option<Client>,
    pub(crate) observers: Vec<MakeObserver>,
    pub(crate) deadline: Duration,
    pub(crate) archive_limit: Duration,
    pub(crate) answer_bytes: usize,
    pub(crate) window_bytes: usize,
    window_budget_bytes: usize,
    pub(crate) digest: bool,
}

/// Creates the observer of each run.
pub(crate) type MakeObserver = Box<dyn Fn(&RunStart<'_>) -> Arc<dyn Observer> + Send + Sync>;

impl Default for PipelineBuilder {
    fn default() -> Self {
        Self {
            solvers: Vec::new(),
            archiver: None,
            client: None,
            observers: Vec::new(),
            deadline: Duration::from_secs(15),
            archive_limit: Duration::from_secs(120),
            answer_bytes: 30_000_000,
            window_bytes: 1024 * 1024,
            window_budget_bytes: 64 * 1024 * 1024,
            digest: true,
        }
    }
}

/// What all runs of a pipeline share.
pub(crate) struct Setup {
    pub(crate) settings: PipelineBuilder,
    pub(crate) client: Client,
    pub(crate) budget: WindowBudget,
    pub(crate) learned_encodings: LearnedEncodings,
}

impl Pipeline {
    /// A pipeline to be set up.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }
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

    /// Sends requests with clones of `service` instead of an `upload_client::UploadClient`. Required without the feature
    /// `client`.
    ///
    /// Requests to an engine that speaks HTTP/2 from the first byte have the version [`HTTP_2`](http::Version::HTTP_2).
    ///
    /// A request is retried after an error that comes from an [`io::Error`](std::io::Error). The README lists the promises
    /// that are up to the service.
    #[must_use]
    pub fn client<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.client = Some(any_client(service));
        self
    }

    /// Has each run watched by an observer that `make` makes for it. There may be any number of these.
    #[must_use]
    pub fn observe(
        mut self,
        make: impl Fn(&RunStart<'_>) -> Arc<dyn Observer> + Send + Sync + 'static,
    ) -> Self {
        self.observers.push(Box::new(make));
        self
    }

    /// How long after the first request's start every solver must have answered. 15 s by default, a year at most. A run may
    /// have [another](crate::Dispatch::deadline), and a solver a [time limit](Solver::with_timeout) of its own within it.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = bounded(deadline);
        self
    }

    /// The longest answer that is taken from a solver without a [limit](Solver::with_answer_limit) of its own, in bytes. 30 MB
    /// by default. Each solver may cost this much, and up to twice as much while its answer is read.
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_bytes = bytes;
        self
    }

    /// How much of a document is kept for readers that are behind, in bytes, and of each compression of it. 1 MiB by default,
    /// and at least one chunk: 64 KiB, or what a [`Document`](crate::Document) of your own makes its chunks.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window_bytes = bytes;
        self
    }

    /// How much the windows of all runs take together, in bytes, with a chunk for each of the eight productions that a window
    /// may have. 64 MiB by default.
    ///
    /// No run waits for it. A run takes at most half of what is left, so that later runs get smaller windows, down to one
    /// chunk: once the budget is exhausted, each further run that overlaps costs that beyond it. An archive that goes on after
    /// its run keeps one window, or two where it shares a compression.
    #[must_use]
    pub fn window_budget(mut self, bytes: usize) -> Self {
        self.window_budget_bytes = bytes;
        self
    }

    /// Whether documents are digested, by SHA-256, with the feature `archive`. They are by default.
    ///
    /// Without it, outcomes name no digests. An archive computes its own then, unless that is switched off as well, or it
    /// shares a compression with solvers: such an object carries no digest, and is not recognised when it is there already.
    #[must_use]
    pub fn digest(mut self, enabled: bool) -> Self {
        self.digest = enabled;
        self
    }

    /// The pipeline.
    ///
    /// # Errors
    /// When two solvers have the same name, a solver's settings contradict one another, or there is no HTTP client.
    pub fn build(mut self) -> Result<Pipeline, PipelineError> {
        let mut names = HashSet::new();
        for solver in &self.solvers {
            let name = || solver.name().to_owned();
            if !names.insert(solver.name()) {
                return Err(PipelineError::SameName { name: name() });
            }
            let is_encoded = solver.encoding.is_some() || solver.learns_encoding;
            if is_encoded && solver.content_length {
                return Err(PipelineError::LengthOfEncoded { name: name() });
            }
            let Some(codec) = solver.encoding else {
                continue;
            };
            encoding::check(codec).map_err(|source| PipelineError::Encoding {
                name: name(),
                source,
            })?;
        }
        let client = self.client.take();
        #[cfg(feature = "client")]
        let client = client.or_else(|| {
            // A peer that takes nothing for a whole deadline, when nobody waits for it any more, is gone.
            let builder = upload_client::UploadClient::builder();
            let service = builder.tcp_user_timeout(self.deadline).build();
            Some(any_client(service))
        });
        let client = client.ok_or(PipelineError::NoClient)?;
        let setup = Arc::new(Setup {
            client,
            budget: WindowBudget::new(self.window_budget_bytes),
            settings: self,
            learned_encodings: LearnedEncodings::default(),
        });
        Ok(Pipeline { setup })
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PipelineBuilder")
            .field("solvers", &self.solvers)
            .finish_non_exhaustive()
    }
}

/// As its settings: the endpoints that encodings were learned from may hold secrets.
impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, formatter)
    }
}

/// Why a [`Pipeline`](crate::Pipeline) cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// Two solvers have one name, so that reports could not tell them apart.
    #[error("two solvers are named {name:?}")]
    SameName {
        /// The name.
        name: String,
    },
    /// A solver is to be told the length of requests that are compressed, and nobody knows it before they are.
    #[error(
        "solver {name:?} has an encoding and wants a length, and the length of what is compressed is not known before"
    )]
    LengthOfEncoded {
        /// The solver's name.
        name: String,
    },
    /// A solver's encoding is not compiled, or has no such level.
    #[error("the encoding of solver {name:?} cannot be used")]
    Encoding {
        /// The solver's name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// There is no HTTP client: without the feature `client`, one must be given.
    #[error("there is no HTTP client")]
    NoClient,
}
