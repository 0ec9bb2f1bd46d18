use std::collections::HashSet;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::answer::{AnswerStream, data};
use crate::document::BoxError;
use crate::encoding::{self, LearnedEncodings};
use crate::observer::{Observer, RunStart};
use crate::optional_archive::Archiver;
use crate::pipeline::Pipeline;
use crate::request_body::RequestBody;
use crate::solver::Solver;
use crate::window_budget::WindowBudget;

/// At most a year: limits become instants, and no clock reaches as far as a duration.
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

/// Sends a request with any HTTP client. Returns the head of the answer, and its body as it arrives.
///
/// Cancel safety: as for the client's future and body.
type Client = Box<dyn Fn(Request<RequestBody>) -> Exchange + Send + Sync>;

type Exchange = BoxFuture<'static, Result<Response<AnswerStream>, BoxError>>;

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
    /// Returns a builder with the defaults.
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

    /// Sends requests with clones of `service`. Required without the feature `client`, whose default is an
    /// `upload_client::UploadClient`.
    ///
    /// Requests of a solver [with HTTP/2](Solver::with_http2) have the version [`HTTP_2`](http::Version::HTTP_2).
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
        self.client = Some(Box::new(move |request| -> Exchange {
            let mut service = service.clone();
            Box::pin(async move {
                let ready = poll_fn(|context| service.poll_ready(context)).await;
                ready.map_err(Into::into)?;
                let response = service.call(request).await.map_err(Into::into)?;
                Ok(response.map(data))
            })
        }));
        self
    }

    /// Adds an observer to each run, made by `make`.
    #[must_use]
    pub fn observe(
        mut self,
        make: impl Fn(&RunStart<'_>) -> Arc<dyn Observer> + Send + Sync + 'static,
    ) -> Self {
        self.observers.push(Box::new(make));
        self
    }

    /// Sets how long after its start a run waits for answers. The default is 15 s, the most a year. A run may have
    /// [another deadline](crate::Dispatch::deadline), and a solver an earlier [timeout](Solver::with_timeout). A solver that
    /// reads nothing is waited for until then: the default client does not give up a connection because its peer reads nothing.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = bounded(deadline);
        self
    }

    /// Sets the longest answer in bytes, for solvers without a [limit](Solver::with_answer_limit) of their own. The default is
    /// 30 MB. Each solver may cost this much memory, and up to twice as much while its answer is read.
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_bytes = bytes;
        self
    }

    /// Sets how many bytes of a document, and of each compression of it, are kept for readers that are behind. The default is
    /// 1 MiB. A window holds at least one chunk: 64 KiB, or what your own [`Document`](crate::Document) yields.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window_bytes = bytes;
        self
    }

    /// Sets how many bytes the windows of all runs take together, with a chunk for each of the eight productions that a window
    /// may have. The default is 64 MiB.
    ///
    /// No run waits for it. A run takes at most half of what is left, so that later runs get smaller windows. Once the budget is
    /// exhausted, each additional run gets windows of one chunk, beyond the budget. An archive that continues after its run keeps
    /// one window, or two if it shares a compression.
    #[must_use]
    pub fn window_budget(mut self, bytes: usize) -> Self {
        self.window_budget_bytes = bytes;
        self
    }

    /// Sets whether outcomes report the SHA-256 of documents. They do by default, with the feature `archive`.
    ///
    /// Otherwise an archive computes its own digest, unless that is switched off as well, or it shares a compression with
    /// solvers. An object without a digest is not recognised if it exists already.
    #[must_use]
    pub fn digest(mut self, enabled: bool) -> Self {
        self.digest = enabled;
        self
    }

    /// Creates the pipeline.
    ///
    /// # Errors
    /// If two solvers have the same name, a solver's settings contradict one another, or there is no HTTP client.
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
        #[cfg(feature = "client")]
        if self.client.is_none() {
            self = self.client(upload_client::UploadClient::default());
        }
        let client = self.client.take().ok_or(PipelineError::NoClient)?;
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

/// Shows the settings only: the endpoints that encodings were learned from may hold secrets.
impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, formatter)
    }
}

/// Why a [`Pipeline`](crate::Pipeline) cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// Two solvers have the same name.
    #[error("two solvers are named {name:?}")]
    SameName {
        /// The name.
        name: String,
    },
    /// A solver has both an encoding and a `Content-Length`.
    #[error(
        "solver {name:?} has an encoding and wants a length, but the length of a compressed body is not known before it is sent"
    )]
    LengthOfEncoded {
        /// The solver's name.
        name: String,
    },
    /// A solver's encoding is not compiled, or does not have this level.
    #[error("the encoding of solver {name:?} cannot be used")]
    Encoding {
        /// The solver's name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// There is no HTTP client: without the feature `client`, one must be given.
    #[error("there is no HTTP client: turn on the feature `client`, or set one")]
    NoClient,
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;
    use std::task::{Context, Poll};

    use chunked_writer::JsonDocument;
    use http_body_util::{BodyExt, Full};

    use super::*;
    use crate::{Dispatch, SolverStatus};

    /// Answers with what it is sent, but for the first request, which fails.
    #[derive(Clone)]
    struct Echo {
        failure: Arc<Mutex<Option<io::Error>>>,
    }

    impl Service<Request<RequestBody>> for Echo {
        type Response = Response<Full<Bytes>>;
        type Error = BoxError;
        type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

        fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
            let failure = self.failure.lock().unwrap().take();
            Box::pin(async move {
                if let Some(failure) = failure {
                    return Err(failure.into());
                }
                let sent = request.into_body().collect().await?;
                Ok(Response::new(Full::new(sent.to_bytes())))
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn any_service_will_do_and_what_broke_is_made_again() {
        for (kind, status, attempts) in [
            (io::ErrorKind::ConnectionReset, SolverStatus::Ok, 2),
            (io::ErrorKind::InvalidData, SolverStatus::Failed, 1),
        ] {
            let failure = Arc::new(Mutex::new(Some(io::Error::from(kind))));
            let pipeline = Pipeline::builder()
                .solver(Solver::new("a", "http://nowhere").unwrap())
                .client(Echo { failure })
                .build()
                .unwrap();
            let outcome = pipeline.run(Dispatch::new(JsonDocument::new([1, 2]))).await;
            let solver = &outcome.solvers[0];
            assert_eq!((solver.status, solver.attempts), (status, attempts));
            let response = solver.response.as_ref().map(|answer| answer.get());
            assert_eq!(response, (status == SolverStatus::Ok).then_some("[1,2]"));
        }
    }

    #[test]
    fn limits_are_at_most_a_year() {
        let year = Duration::from_secs(31_536_000);
        for (limit, kept) in [(Duration::MAX, year), (year / 2, year / 2)] {
            assert_eq!(Pipeline::builder().deadline(limit).deadline, kept);
            assert_eq!(bounded(limit), kept);
        }
    }
}
