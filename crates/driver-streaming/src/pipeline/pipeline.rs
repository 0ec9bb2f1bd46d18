use std::sync::Arc;

use futures_util::future::{OptionFuture, join, join_all};
use futures_util::{StreamExt, TryStreamExt};
use measured_body::ProductionMeter;
use reqwest::header::{HeaderMap, HeaderName};
use tee_stream::{Branch, BranchOptions, Tee, TokioTimer};
use tokio::time::Instant;

use super::clients::Clients;
use super::pipeline_builder::PipelineBuilder;
use super::settings::Settings;
use crate::archive::ArchiveTarget;
use crate::auction::AuctionId;
use crate::document::{DigestCell, Document, DocumentError};
use crate::outcome::{
    ArchiveOutcome, AuctionOutcome, Outcome, SerializeOutcome, SolverOutcome, SolverStatus,
    milliseconds,
};
use crate::progress::{Progress, ProgressTrack, Stage};
use crate::solver::{Exchange, ExchangeLimits, Solver};
use crate::telemetry::{SolverTelemetry, Telemetry, request_id};

/// Names the run to everybody who is sent its document.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Sends auctions to solvers and keeps a copy of each.
///
/// One production of the document serves all readers: each solver and the archive are branches of one tee. Nothing is
/// buffered but the window and what the HTTP client and the archive hold; no thread and no task is started.
///
/// Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Pipeline {
    solvers: Arc<[Solver]>,
    archive: Option<ArchiveTarget>,
    clients: Clients,
    settings: Settings,
    telemetry: Telemetry,
}

impl Pipeline {
    /// A pipeline to be set up.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    pub(super) fn new(
        solvers: Vec<Solver>,
        archive: Option<ArchiveTarget>,
        clients: Clients,
        settings: Settings,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            solvers: solvers.into(),
            archive,
            clients,
            settings,
            telemetry,
        }
    }

    /// The progress of a run to come, for [`run_with_progress`](Self::run_with_progress).
    pub fn progress(&self) -> Progress {
        let archive = self.archive.as_ref().map(|_| "archive".to_owned());
        Progress::new(
            self.solvers
                .iter()
                .map(|solver| solver.name().to_owned())
                .chain(archive),
        )
    }

    /// Sends `document` to every solver and, if there is an archive and an id, archives it.
    ///
    /// Cancel safety: dropping the future closes every connection and leaves of the archive what a dropped
    /// [`archive_sink::ArchiveWriter`] leaves.
    pub async fn run(&self, document: impl Document + 'static, id: Option<&AuctionId>) -> Outcome {
        self.run_with_progress(document, id, &self.progress()).await
    }

    /// Like [`run`](Self::run), and says in `progress`, made by [`progress`](Self::progress), how far it has got.
    ///
    /// # Panics
    /// When `progress` was made by a pipeline with fewer readers.
    pub async fn run_with_progress(
        &self,
        document: impl Document + 'static,
        id: Option<&AuctionId>,
        progress: &Progress,
    ) -> Outcome {
        let document = Arc::new(document);
        let meter = ProductionMeter::new();
        let digest = DigestCell::default();
        let tee = self.tee(&document, &meter, &digest);

        // Every branch is there before the first is polled: a late one would have to be replayed to.
        let sends: Vec<_> = self
            .solvers
            .iter()
            .enumerate()
            .map(|(index, solver)| (solver, branch(&tee, solver.name()), progress.track(index)))
            .collect();
        let archive = self.archive.as_ref().zip(id).map(|(target, id)| {
            (
                target,
                id,
                branch(&tee, "archive"),
                progress.track(self.solvers.len()),
            )
        });

        let telemetry = self.telemetry.auction(id);
        let headers = HeaderMap::from_iter([(REQUEST_ID, request_id(id))]);
        let started = Instant::now();
        let limits = ExchangeLimits {
            deadline: started + self.settings.deadline,
            answer_bytes: self.settings.answer_bytes,
        };
        let sends = join_all(sends.into_iter().enumerate().map(
            |(index, (solver, body, track))| {
                let (headers, told) = (headers.clone(), telemetry.solver(index));
                self.send(solver, headers, body, limits, track, told)
            },
        ));
        let archiving = archive.as_ref().map(|_| telemetry.archive());
        let archive = archive.zip(archiving);
        let keep =
            OptionFuture::from(archive.map(|((target, id, body, track), told)| async move {
                let counted = body.inspect_ok(|chunk| track.add_bytes(chunk.len()));
                let outcome = target
                    .keep(id, counted.boxed(), self.settings.archive_limit, &track)
                    .await;
                told.finish(&outcome);
                outcome
            }));
        let (exchanges, archive) = join(sends, keep).await;
        let wall = started.elapsed();

        let sent = digest.get();
        let raw = document.origin().or(sent);
        let outcome = Outcome {
            auction: AuctionOutcome {
                id: id.map(|id| id.as_str().to_owned()),
                bytes: raw.map(|digest| digest.bytes()),
                sha256: raw.map(|digest| digest.sha256()),
            },
            solvers: self
                .solvers
                .iter()
                .zip(exchanges)
                .map(|(solver, exchange)| SolverOutcome::new(solver, exchange, sent))
                .collect(),
            archive: archive.unwrap_or_else(ArchiveOutcome::skipped),
            serialize: SerializeOutcome {
                busy_ms: milliseconds(meter.busy()),
                passes: sent
                    .filter(|digest| digest.bytes() > 0)
                    .map(|digest| document.bytes_produced() as f64 / digest.bytes() as f64),
            },
            wall_ms: milliseconds(wall),
        };
        telemetry.finish(&outcome, &meter);
        outcome
    }

    /// Waits until nothing of an earlier run is left: archives that were given up are still cleaned up in the background.
    ///
    /// Call it before the runtime shuts down. Cancel safe: it only waits.
    pub async fn drain(&self) {
        if let Some(target) = &self.archive {
            target.archive().settled().await;
        }
    }

    fn tee(
        &self,
        document: &Arc<impl Document + 'static>,
        meter: &ProductionMeter,
        digest: &DigestCell,
    ) -> Tee<DocumentError> {
        let source = digest.follow(meter.measure(document.stream_from(0)));
        let (document, meter) = (Arc::clone(document), meter.clone());
        Tee::builder()
            .window(self.settings.window_bytes)
            .timer(TokioTimer::new())
            .replay(move |offset| meter.measure(document.stream_from(offset)))
            .build(source)
    }

    async fn send(
        &self,
        solver: &Solver,
        mut headers: HeaderMap,
        branch: Branch<DocumentError>,
        limits: ExchangeLimits,
        track: ProgressTrack,
        told: SolverTelemetry,
    ) -> Exchange {
        told.propagate(&mut headers);
        let client = self.clients.for_solver(solver);
        let recorder = told.recorder();
        let exchange =
            Exchange::run(client, solver, headers, branch, limits, &track, recorder).await;
        told.finish(&exchange);
        track.set_stage(if exchange.status() == SolverStatus::Ok {
            Stage::Ok
        } else {
            Stage::Failed
        });
        exchange
    }
}

fn branch(tee: &Tee<DocumentError>, name: &str) -> Branch<DocumentError> {
    tee.branch_with(BranchOptions::new().name(name))
}
