use futures_util::future::join_all;
use http::header::{HeaderMap, HeaderName};
use measured_body::ProductionMeter;
use tee_stream::Branch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::archiving::Archiving;
use super::last_attempt::LastAttempt;
use super::pipeline::Pipeline;
use super::window_budget::WindowLease;
use crate::auction_id::AuctionId;
use crate::dispatch::Dispatch;
use crate::document::DocumentError;
use crate::feed::{Feed, Feeds, Reader, TeeSettings};
use crate::outcome::{
    ArchiveOutcome, AuctionOutcome, CompressOutcome, Outcome, SerializeOutcome, SolverOutcome,
    SolverStatus, milliseconds,
};
use crate::progress::{Progress, ProgressTrack, Stage};
use crate::solver::{Exchange, ExchangeLimits, ExchangeSetup, Solver};
use crate::telemetry::{AuctionTelemetry, SolverTelemetry, request_id};
use upload_client::LentClient;

/// Names the run to everybody who is sent its document.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One run of a pipeline, made ready: every branch is there, and none has been polled. One that came later would have
/// to be replayed to.
pub(super) struct Run<'a> {
    pipeline: &'a Pipeline,
    id: Option<AuctionId>,
    feeds: Feeds,
    sends: Vec<Send<'a>>,
    archived: Option<Feed>,
    meter: ProductionMeter,
    telemetry: AuctionTelemetry,
    started: Instant,
    /// Given back when the run is over or dropped, but for what its archive needs to go on.
    _lease: WindowLease,
}

/// What is needed to send one solver its document.
struct Send<'a> {
    solver: &'a Solver,
    client: LentClient,
    feed: Feed,
    branch: Branch<DocumentError>,
    track: ProgressTrack,
    told: SolverTelemetry,
}

impl<'a> Run<'a> {
    /// Makes the tees and their branches.
    pub(super) fn start(
        pipeline: &'a Pipeline,
        dispatch: &Dispatch,
        progress: &Progress,
    ) -> (Self, Option<Archiving>) {
        let started = Instant::now();
        let settings = pipeline.settings();
        let plan = Plan::of(pipeline, dispatch);
        let mut lease = pipeline
            .budget()
            .lease(Feeds::count(&plan.readers()), settings.window_bytes);
        let meter = ProductionMeter::new();
        let tees = TeeSettings {
            window_bytes: lease.window_bytes(),
            digest: settings.digest,
        };
        let feeds = Feeds::new(dispatch, &plan.readers(), &meter, tees);
        let telemetry = pipeline.telemetry().auction(dispatch.id());

        let solvers = pipeline.solvers().iter().zip(&plan.solvers).enumerate();
        let sends = solvers.filter_map(|(index, (solver, reader))| {
            let feed = feeds.feed(reader)?;
            Some(Send {
                client: pipeline.clients().get(index)?.lend(),
                branch: feed.branch(solver.name(), solver.lag_policy()),
                track: progress.track(index),
                told: telemetry.solver(index),
                solver,
                feed,
            })
        });
        let sends = sends.collect();
        let archived = plan.archive.as_ref().and_then(|reader| feeds.feed(reader));
        let archiving = pipeline
            .archive()
            .zip(dispatch.id())
            .zip(archived.clone())
            .map(|((target, id), feed)| Archiving {
                // Alone, it reads each of its tees in one place.
                _lease: lease.split_off(if feed.codec().is_some() { 2 } else { 1 }),
                target: target.clone(),
                id: id.clone(),
                branch: feed.branch("archive", None),
                feed,
                limit: settings.archive_limit,
                track: progress.track(pipeline.solvers().len()),
                told: telemetry.archive(),
            });
        let run = Self {
            pipeline,
            id: dispatch.id().cloned(),
            feeds,
            sends,
            archived,
            meter,
            telemetry,
            started,
            _lease: lease,
        };
        (run, archiving)
    }

    /// Sends every solver its document, and returns when all have ended: at once when `stop` is cancelled. To be called
    /// once.
    pub(super) async fn send_all(&mut self, stop: &CancellationToken) -> Vec<SolverOutcome> {
        let headers = HeaderMap::from_iter([(REQUEST_ID, request_id(self.id.as_ref()))]);
        let started = self.started;
        let sends = std::mem::take(&mut self.sends);
        join_all(
            sends
                .into_iter()
                .map(|send| self.send(send, headers.clone(), started, stop)),
        )
        .await
    }

    async fn send(
        &self,
        send: Send<'_>,
        mut headers: HeaderMap,
        started: Instant,
        stop: &CancellationToken,
    ) -> SolverOutcome {
        let Send {
            solver,
            client,
            feed,
            branch,
            track,
            told,
        } = send;
        let settings = self.pipeline.settings();
        told.propagate(&mut headers);
        let own = solver
            .timeout()
            .filter(|timeout| *timeout < settings.deadline);
        let setup = ExchangeSetup {
            client: &client,
            solver,
            headers,
            feed,
            branch,
            limits: ExchangeLimits {
                deadline: started + own.unwrap_or(settings.deadline),
                deadline_is_own: own.is_some(),
                answer_bytes: settings.answer_bytes,
            },
            track: &track,
        };
        let encoding = solver.encoding().and_then(|codec| codec.content_encoding());
        let last = LastAttempt::default();
        let exchange = Exchange::run(setup, || last.begin(told.recorder()));
        let Some(exchange) = stop.run_until_cancelled(exchange).await else {
            track.set_stage(Stage::Failed);
            return SolverOutcome::cancelled(
                solver,
                last.attempts(),
                last.measurements().as_ref(),
                encoding,
            );
        };
        told.finish(&exchange);
        track.set_stage(if exchange.status() == SolverStatus::Ok {
            Stage::Ok
        } else {
            Stage::Failed
        });
        SolverOutcome::new(solver, exchange)
    }

    /// What happened, when all that is waited for has ended.
    pub(super) fn finish(self, solvers: Vec<SolverOutcome>, archive: ArchiveOutcome) -> Outcome {
        let main = self.archived.or_else(|| self.feeds.auction());
        let sent = || main.as_ref().and_then(Feed::digest);
        let digest = self.feeds.origin().or_else(sent);
        let bytes = digest
            .map(|digest| digest.bytes())
            .or_else(|| main.as_ref().and_then(Feed::known_length));
        let outcome = Outcome {
            auction: AuctionOutcome {
                id: self.id.map(|id| id.as_str().to_owned()),
                bytes,
                sha256: digest.map(|digest| digest.sha256()),
            },
            solvers,
            archive,
            serialize: SerializeOutcome {
                busy_ms: milliseconds(self.meter.busy()),
                passes: self.feeds.passes(),
                documents: self.feeds.documents(),
            },
            compress: CompressOutcome {
                passes: self.feeds.encoding_passes(),
                documents: self.feeds.encodings(),
            },
            wall_ms: milliseconds(self.started.elapsed()),
        };
        // One that was cancelled is told as such when it is dropped.
        if !outcome.is_cancelled() {
            self.telemetry.finish(&outcome, &self.meter);
        }
        outcome
    }
}

/// Who wants what.
struct Plan {
    /// By the solver's index.
    solvers: Vec<Reader>,
    archive: Option<Reader>,
}

impl Plan {
    fn of(pipeline: &Pipeline, dispatch: &Dispatch) -> Self {
        let solvers: Vec<Reader> = pipeline
            .solvers()
            .iter()
            .map(|solver| Reader {
                share: dispatch.share_of(solver),
                codec: solver.encoding(),
            })
            .collect();
        let archive = pipeline.archive().zip(dispatch.id()).map(|(target, _)| {
            let share = dispatch.share_of_archive();
            let encoded = Reader {
                share: share.clone(),
                codec: Some(target.archive().codec()),
            };
            // Compressed once for both, if there is a solver that is sent what the archive keeps.
            if solvers.contains(&encoded) {
                encoded
            } else {
                Reader { share, codec: None }
            }
        });
        Self { solvers, archive }
    }

    fn readers(&self) -> Vec<Reader> {
        self.solvers.iter().chain(&self.archive).cloned().collect()
    }
}
