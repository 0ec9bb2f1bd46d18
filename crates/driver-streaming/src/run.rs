use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{BoxFuture, OptionFuture, join, join_all, select};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use measured_body::ProductionMeter;
use tee_stream::Branch;
use tokio::time::Instant;

use crate::archiver::{ArchiveJob, ArchiveRecord};
use crate::attempt::SolverRequest;
use crate::auction_id::AuctionId;
use crate::deadline::Deadline;
use crate::dispatch::Dispatch;
use crate::document::DocumentError;
use crate::exchange::{cancelled, exchange};
use crate::observer::{Observers, RunStart};
use crate::outcome::{
    ArchiveOutcome, AuctionOutcome, CompressOutcome, Outcome, SerializeOutcome, SolverOutcome,
    milliseconds,
};
use crate::random::uuid;
use crate::setup::Setup;
use crate::sharing::{DocumentSource, Representations, SharedDocuments};
use crate::window_budget::WindowLease;

/// Names the run to everybody who is sent its document.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One run of a pipeline, made ready: every branch is there, and none has been polled. One that came later would have
/// to be replayed to.
pub(crate) struct Run<'a> {
    id: Option<AuctionId>,
    documents: SharedDocuments,
    requests: Vec<SolverRequest<'a>>,
    /// The requests' first.
    branches: Vec<Branch<DocumentError>>,
    archived: Option<DocumentSource>,
    archive_record: Option<Arc<ArchiveRecord>>,
    meter: ProductionMeter,
    observers: Observers,
    started: Instant,
    /// Given back when the run is over or dropped, but for what its archive needs to go on.
    _lease: WindowLease,
}

/// The archiving of a run's auction, which may go on without the run.
pub(crate) type Archiving = BoxFuture<'static, ArchiveOutcome>;

impl<'a> Run<'a> {
    /// Makes the tees and their branches.
    pub(crate) fn start(setup: &'a Setup, dispatch: &Dispatch) -> (Self, Option<Archiving>) {
        let started = Instant::now();
        let settings = &setup.settings;
        let archiver = setup.archiver.as_ref().filter(|_| dispatch.id().is_some());
        let codec = archiver.map(|archiver| archiver.codec());
        let readers = Representations::new(dispatch, &setup.solvers, codec);
        let mut lease = setup.budget.lease(readers.tees(), settings.window_bytes);
        let meter = ProductionMeter::new();
        let documents = SharedDocuments::new(
            dispatch,
            &readers,
            &meter,
            lease.window_bytes(),
            settings.digest,
        );
        let start = RunStart {
            id: dispatch.id(),
            solvers: &setup.solvers,
            is_archived: archiver.is_some(),
        };
        let of_pipeline = setup.observers.iter().map(|observer| observer(&start));
        let observers = Observers::new(of_pipeline.chain(dispatch.observers().iter().cloned()));
        let request_id = request_id(dispatch.id());

        let mut requests = Vec::new();
        let mut branches = Vec::new();
        for (index, (solver, reader)) in setup.solvers.iter().zip(&readers.solvers).enumerate() {
            let Some(source) = documents.source(reader) else {
                continue;
            };
            let mut headers = HeaderMap::from_iter([(REQUEST_ID, request_id.clone())]);
            observers.add_headers(index, &mut headers);
            branches.push(source.branch_for(solver));
            requests.push(SolverRequest {
                solver,
                client: &setup.client,
                source,
                headers,
                deadline: Deadline::new(started, settings.deadline, solver.timeout()),
                answer_bytes: settings.answer_bytes,
                reader: observers.of(index),
                record: Arc::default(),
            });
        }
        let archived = readers
            .archive
            .as_ref()
            .and_then(|reader| documents.source(reader));
        let job = archiver.zip(dispatch.id()).zip(archived.clone());
        let job = job.map(|((archiver, id), source)| {
            let reader = observers.of(setup.solvers.len());
            let job = ArchiveJob {
                id: id.clone(),
                branch: source.branch("archive", None),
                limit: settings.archive_limit,
                record: Arc::new(ArchiveRecord::new(archiver.codec_name(), reader)),
                // Alone, it reads each of its tees in one place.
                lease: lease.split_off(if source.codec().is_some() { 2 } else { 1 }),
                source,
            };
            (archiver, job)
        });
        let archive_record = job.as_ref().map(|(_, job)| Arc::clone(&job.record));
        let archiving = job.map(|(archiver, job)| archiver.archive(job));
        let run = Self {
            id: dispatch.id().cloned(),
            documents,
            requests,
            branches,
            archived,
            archive_record,
            meter,
            observers,
            started,
            _lease: lease,
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
        let mut solvers: Vec<Option<SolverOutcome>> = Vec::new();
        solvers.resize_with(self.requests.len(), || None);
        let mut archive = None;
        {
            let exchanges = self.requests.iter().zip(branches).zip(&mut solvers);
            let exchanges = exchanges.map(|((request, branch), outcome)| async move {
                *outcome = Some(exchange(request, branch).await);
            });
            let keep = async { archive = OptionFuture::from(archiving).await };
            let all = join(join_all(exchanges), keep);
            // Dropped here, so that what has not ended is given up before it is asked about.
            select(pin!(all), pin!(stop)).await;
        }
        let solvers = solvers.into_iter().zip(&self.requests);
        let solvers = solvers
            .map(|(outcome, request)| outcome.unwrap_or_else(|| cancelled(request)))
            .collect();
        let archive = match (archive, &self.archive_record) {
            (Some(ended), _) => ended,
            (None, Some(record)) => record.cancelled(),
            (None, None) => ArchiveOutcome::skipped(),
        };
        self.finish(solvers, archive)
    }

    /// Sends every solver its document, while the archive goes on by itself.
    pub(crate) async fn without_archive(self) -> Outcome {
        let archive = match &self.archive_record {
            Some(_) => ArchiveOutcome::running(),
            None => ArchiveOutcome::skipped(),
        };
        let going_on = futures_util::future::ready(archive);
        self.until(Some(Box::pin(going_on)), std::future::pending())
            .await
    }

    fn finish(self, solvers: Vec<SolverOutcome>, archive: ArchiveOutcome) -> Outcome {
        let main = self.archived.or_else(|| self.documents.auction());
        let sent = || main.as_ref().and_then(DocumentSource::digest);
        let digest = self.documents.origin().or_else(sent);
        let bytes = digest
            .map(|digest| digest.bytes())
            .or_else(|| main.as_ref().and_then(DocumentSource::known_length));
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
                passes: self.documents.passes(),
                documents: self.documents.documents(),
            },
            compress: CompressOutcome {
                passes: self.documents.encoding_passes(),
                documents: self.documents.encodings(),
            },
            wall_ms: milliseconds(self.started.elapsed()),
        };
        self.observers
            .notify(|observer| observer.run_ended(&outcome, &self.meter));
        outcome
    }
}

/// The auction's id, else one that is made up.
fn request_id(id: Option<&AuctionId>) -> HeaderValue {
    let made_up = || HeaderValue::from_str(&uuid());
    id.map_or_else(made_up, |id| HeaderValue::from_str(id.as_str()))
        // Neither can be: ids of auctions and uuids are made of letters, digits and `._-`.
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_the_auctions_or_new_ones() {
        let id: AuctionId = "8339027".parse().unwrap();
        assert_eq!(request_id(Some(&id)), "8339027");
        let (one, other) = (request_id(None), request_id(None));
        assert_eq!(one.len(), 36);
        assert_ne!(one, other);
    }
}
