use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, OptionFuture, join, join_all, select};
use tee_stream::{Branch, LagPolicy};
use tokio::sync::mpsc::channel;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::auction_id::AuctionId;
use crate::builder::Setup;
use crate::document::DocumentError;
use crate::exchange::exchange;
use crate::observer::{Observers, Progress, ReaderObservers, RunStart};
use crate::optional_archive::{ArchiveJob, ArchiveRecord};
use crate::outcome::{
    ArchiveOutcome, ArchiveStatus, AuctionOutcome, Outcome, SolverOutcome, milliseconds,
};
use crate::request::{Deadline, SolverRequest, headers_of_run};
use crate::request_body::RequestRecord;
use crate::sharing::{DocumentSource, SharedDocuments};
use crate::solver::Solver;
use crate::views::{Dispatch, Later};

/// Sends auctions to solvers and keeps a copy of each.
///
/// One production of a document serves all solvers that are sent it: each is a branch of one tee. So is the archive, which begins
/// after them. Only windows are buffered, and what the HTTP client and the archive hold. No thread and no task is started.
///
/// Any number of runs may overlap. They share idle connections and one [budget](crate::PipelineBuilder::window_budget)
/// for windows. No run waits for another: later ones have smaller windows. Limit how many overlap if auctions come faster than
/// they end.
///
/// Clones share all of this.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub(crate) setup: Arc<Setup>,
}

impl Pipeline {
    /// Returns the solvers, in the order of outcomes.
    pub fn solvers(&self) -> &[Solver] {
        &self.setup.settings.solvers
    }

    /// Creates the progress of one run, for [`Dispatch::observed_by`].
    pub fn progress(&self) -> Progress {
        let archive = self
            .setup
            .settings
            .archiver
            .as_ref()
            .map(|_| "archive".to_owned());
        let solvers = self.solvers().iter().map(|solver| solver.name().to_owned());
        Progress::new(solvers.chain(archive))
    }

    /// Sends each solver its document and, if there is an archive and an id, archives the auction. Returns when all of
    /// that has ended.
    ///
    /// Cancel safety: dropping the future gives up every request. With the default client, this frees the bodies and closes the
    /// connections in the same call. The archive is left as a dropped `ArchiveWriter` of `archive-sink` leaves it.
    pub async fn run(&self, dispatch: Dispatch) -> Outcome {
        self.run_until(dispatch, pending()).await
    }

    /// Like [`run`](Self::run), and ends as soon as `stop` is ready. What has not ended by then is left as if the future had
    /// been dropped, and is reported as cancelled. What has ended is reported as it ended.
    pub async fn run_until(&self, dispatch: Dispatch, stop: impl Future<Output = ()>) -> Outcome {
        let (run, archiving) = Run::start(&self.setup, dispatch);
        run.until(archiving, stop).await
    }

    /// Like [`run_until`](Self::run_until), but a task of its own writes the archive from now on. The first value is the run,
    /// which ends when every solver has ended, or as soon as `stop` is ready; the second is the archive's handle.
    ///
    /// Cancel safety: as for `run`. Neither `stop` nor dropping the run, also before its first poll, stops the archive. To stop
    /// that as well, call [`PendingArchive::give_up`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn run_ahead_of_archive<S: Future<Output = ()> + Send>(
        &self,
        dispatch: Dispatch,
        stop: S,
    ) -> (
        impl Future<Output = Outcome> + Send + use<S>,
        PendingArchive,
    ) {
        let (run, archiving) = Run::start(&self.setup, dispatch);
        let archiver = self.setup.settings.archiver.as_ref().zip(archiving);
        let task = archiver.map(|(archiver, archiving)| archiver.go_on(archiving));
        let going_on = task.as_ref().map(|_| -> Archiving {
            Box::pin(ready(ArchiveOutcome {
                status: ArchiveStatus::Running,
                ..ArchiveOutcome::default()
            }))
        });
        (run.until(going_on, stop), PendingArchive { task })
    }

    /// Waits until no archive continues after its run, and none is still being cleaned up in the background.
    ///
    /// Call it before the runtime shuts down, after the last run has begun: it also waits for the archives of runs that begin
    /// meanwhile. It may be called any number of times, also concurrently. Cancel safe: it only waits.
    pub async fn drain(&self) {
        if let Some(archiver) = &self.setup.settings.archiver {
            archiver.drained().await;
        }
    }
}

/// An archive that continues after its run.
///
/// Dropping this does not stop it. [`Pipeline::drain`](crate::Pipeline::drain) waits for it.
#[derive(Debug)]
pub struct PendingArchive {
    /// `None` when nothing is archived.
    task: Option<JoinHandle<ArchiveOutcome>>,
}

impl PendingArchive {
    /// Stops the archive, unless it is being committed. It is left as a dropped `ArchiveWriter` of `archive-sink` leaves it.
    pub fn give_up(self) {
        if let Some(task) = self.task {
            task.abort();
        }
    }

    /// Waits for its end. Cancel safe: the archive continues if the future is dropped.
    pub async fn ended(self) -> ArchiveOutcome {
        match self.task {
            None => ArchiveOutcome::default(),
            Some(task) => task.await.unwrap_or_else(|error| {
                let error =
                    format!("the archive's task stopped, and the object may be there: {error}");
                ArchiveOutcome::failed(ArchiveStatus::Unknown, error)
            }),
        }
    }
}

/// One run of a pipeline before its first poll. Every branch exists already: a later one would need a replay.
pub(crate) struct Run {
    name: Option<Later<AuctionId>>,
    documents: SharedDocuments,
    requests: Vec<SolverRequest>,
    /// The requests' first.
    branches: Vec<Branch<DocumentError>>,
    archived: Option<DocumentSource>,
    archive_record: Option<Arc<ArchiveRecord>>,
    observers: Observers,
    started: Instant,
    started_at: SystemTime,
}

/// The archiving of a run's auction, which may continue without the run.
pub(crate) type Archiving = BoxFuture<'static, ArchiveOutcome>;

impl Run {
    /// Makes the tees and their branches.
    pub(crate) fn start(setup: &Arc<Setup>, dispatch: Dispatch) -> (Self, Option<Archiving>) {
        let started = Instant::now();
        let settings = &setup.settings;
        // An id that is known at once counts before one that becomes known.
        let known = dispatch
            .id
            .clone()
            .map(|id| ready(Some(id)).boxed().shared());
        let is_known = known.is_some();
        let name = known.or(dispatch.name.clone());
        let archiver = settings.archiver.as_ref().filter(|_| name.is_some());
        let codec = archiver.map(|archiver| archiver.codec());
        let (mut documents, mut sources) = SharedDocuments::new(&dispatch, setup, codec);
        let archived = sources.split_off(settings.solvers.len()).pop();
        let start = RunStart {
            id: dispatch.id.as_ref(),
            solvers: &settings.solvers,
            is_archived: archiver.is_some(),
        };
        let of_pipeline = settings.observers.iter().map(|observer| observer(&start));
        let observers: Observers = of_pipeline.chain(dispatch.observers).collect();
        let headers = headers_of_run(dispatch.id.as_ref(), &dispatch.headers);
        let for_all = dispatch.deadline.map(Instant::from_std);
        let for_all = for_all.unwrap_or(started + settings.deadline);

        let mut requests = Vec::new();
        for (index, (solver, source)) in settings.solvers.iter().zip(sources).enumerate() {
            let mut headers = headers.clone();
            let earlier = dispatch.earlier_deadline.clone();
            let reader = ReaderObservers::new(&observers, index);
            reader.notify(|observer, solver| observer.headers(solver, &mut headers));
            requests.push(SolverRequest {
                setup: Arc::clone(setup),
                index,
                source,
                headers,
                started,
                deadline: Arc::new(Deadline::new(started, for_all, solver.timeout, earlier)),
                answer_bytes: solver.answer_bytes.unwrap_or(settings.answer_bytes),
                record: Arc::new(RequestRecord::new(reader)),
            });
        }
        let (sending, sent) = channel(1);
        let branches = requests.iter();
        let branches = branches.map(|request| request.branch(Some(sending.clone())));
        let branches = branches.collect();
        let archive = archiver.zip(name.clone()).zip(archived.clone());
        let archive = archive.map(|((archiver, name), source)| {
            // Until its name is known, and the solvers have had their head start, nothing is read for it. Nobody waits for that.
            let begins_late = !is_known || source.encoded.is_none();
            let policy = begins_late.then_some(LagPolicy::Replay);
            let reader = ReaderObservers::new(&observers, settings.solvers.len());
            let record = Arc::new(ArchiveRecord::new(archiver.codec_name(), reader));
            let ended = Arc::clone(&record);
            let on_end = move |end| ended.branch_ended(end);
            let job = ArchiveJob {
                name,
                branch: source.branch("archive", policy, on_end),
                limit: settings.archive_limit,
                sent,
                record: Arc::clone(&record),
                // Alone, it reads each of its tees in one place.
                _lease: documents.lease.split_off(1 + source.encoded.iter().len()),
                source,
            };
            (record, archiver.archive(job))
        });
        let (archive_record, archiving) = archive.unzip();
        let run = Self {
            name,
            documents,
            requests,
            branches,
            archived,
            archive_record,
            observers,
            started,
            started_at: SystemTime::now(),
        };
        (run, archiving)
    }

    /// Sends every solver its document, and archives it, until all of that has ended or `stop` is ready.
    pub(crate) async fn until(
        mut self,
        archiving: Option<Archiving>,
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        let branches = std::mem::take(&mut self.branches);
        let mut solvers: Vec<_> = branches.iter().map(|_| None).collect();
        let mut archive = None;
        {
            let exchanges = self.requests.iter_mut().zip(branches).zip(&mut solvers);
            let exchanges = exchanges.map(|((request, branch), outcome)| async move {
                *outcome = Some(exchange(request, branch).await);
            });
            let keep = async { archive = OptionFuture::from(archiving).await };
            let all = join(join_all(exchanges), keep);
            // The stop first: if it is ready from the beginning, nothing is begun. Dropped here, so that what has not
            // ended is given up before it is asked about.
            select(pin!(stop), pin!(all)).await;
        }
        let solvers = solvers.into_iter().zip(&self.requests);
        let solvers = solvers
            .map(|(outcome, request)| outcome.unwrap_or_else(|| request.cancelled()))
            .collect();
        let archive = match (archive, &self.archive_record) {
            (Some(ended), _) => ended,
            (None, Some(record)) => record.cancelled(),
            (None, None) => ArchiveOutcome::default(),
        };
        self.finish(solvers, archive)
    }

    fn finish(self, solvers: Vec<SolverOutcome>, archive: ArchiveOutcome) -> Outcome {
        let main = self.archived.or_else(|| self.documents.auction());
        let sent = || main.as_ref().and_then(DocumentSource::digest);
        let digest = self.documents.origin().or_else(sent);
        let known = || main.as_ref().and_then(DocumentSource::known_length);
        let bytes = digest.map(|digest| digest.bytes()).or_else(known);
        let id = self.name.and_then(FutureExt::now_or_never).flatten();
        let outcome = Outcome {
            auction: AuctionOutcome {
                id: id.map(|id| id.as_str().to_owned()),
                bytes,
                sha256: digest.map(|digest| digest.sha256()),
            },
            version: 2,
            started: self.started_at,
            solvers,
            archive,
            serialize: self.documents.serialized(),
            compress: self.documents.compressed(),
            wall_ms: milliseconds(self.started.elapsed()),
        };
        for observer in &*self.observers {
            observer.run_ended(&outcome, &self.documents.meter);
        }
        outcome
    }
}

#[cfg(all(test, feature = "client"))]
mod pipeline_tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use chunked_writer::JsonDocument;
    use futures_util::future::join;
    use tokio::sync::oneshot;
    use tokio::task::JoinSet;

    use super::*;
    use crate::observer::Stage;
    use crate::outcome::SolverStatus;
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
        let run = pipeline.run_until(
            dispatch.observed_by(std::sync::Arc::new(progress.clone())),
            async {
                stopped.await.unwrap();
            },
        );
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
