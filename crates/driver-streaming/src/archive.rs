use std::sync::Arc;
use std::time::Duration;

use archive_sink::{
    Archive, ArchiveWriter, CommitError, Placement, RawDocument, Receipt, Sha256Digest,
};
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::auction_id::AuctionId;
use crate::builder::{PipelineBuilder, bounded};
use crate::encoding::Codec;
use crate::failure::error_chain;
use crate::observer::Stage;
use crate::optional_archive::{ArchiveJob, Archiver, object_name};
use crate::outcome::{ArchiveOutcome, ArchiveStatus};
use crate::sharing::{DocumentSource, HEAD_START};

/// Where a pipeline keeps auctions: an archive, and the URL of its store.
#[derive(Clone, Debug)]
pub struct ArchiveTarget {
    pub(crate) archive: Archive,
    base: Url,
    #[cfg(feature = "spool")]
    pub(crate) spool: Option<archive_sink::Spool>,
}

impl ArchiveTarget {
    /// Creates a target. `base` is the URL of the store's root: the object with the key `a/1.json` is at `base` with `a/1.json`
    /// appended.
    ///
    /// Outcomes and logs show the URL without user, password, query and fragment.
    pub fn new(archive: Archive, mut base: Url) -> Self {
        // Both fail only for URLs that cannot have user info.
        let _has_host = base.set_password(None);
        let _has_host = base.set_username("");
        base.set_query(None);
        base.set_fragment(None);
        Self {
            archive,
            base,
            #[cfg(feature = "spool")]
            spool: None,
        }
    }

    /// Returns the archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    async fn keep(self, mut job: ArchiveJob) -> ArchiveOutcome {
        let record = Arc::clone(&job.record);
        let Some(id) = job.name.clone().await else {
            return ArchiveOutcome::default();
        };
        if job.source.encoded.is_none() {
            let _still_sending = timeout_at(record.started + HEAD_START, job.sent.recv()).await;
        }
        record.reader.entered(Stage::Sending);
        match self.write(&id, job).await {
            Ok(outcome) => record.ended(outcome),
            Err((status, message)) => record.failed(status, message),
        }
    }

    /// Writes the document to its end and commits it.
    ///
    /// Cancel safety: as for a dropped [`ArchiveWriter`].
    async fn write(
        &self,
        id: &AuctionId,
        job: ArchiveJob,
    ) -> Result<ArchiveOutcome, (ArchiveStatus, String)> {
        #[cfg(feature = "spool")]
        if let Some(spool) = &self.spool {
            return self.write_to_spool(spool, id, job).await;
        }
        let (source, record, limit) = (&job.source, &job.record, job.limit);
        let failed = |message| (ArchiveStatus::Failed, message);
        let deadline = Instant::now() + limit;
        let writer = self.writer(&object_name(id), source);
        let mut writer = writer.map_err(failed)?.until(deadline);
        let document = job
            .branch
            .inspect_ok(|chunk| record.reader.taken(chunk.len()));
        match timeout_at(deadline, writer.send_all(document)).await {
            Ok(Ok(_bytes)) => {}
            Ok(Err(error)) => {
                return Err(failed(give_up(writer, error_chain(&error), deadline).await));
            }
            // Dropped and not aborted: if the store does not answer, aborting would wait for it. It is cleaned up in the
            // background.
            Err(_elapsed) => return Err(failed(format!("not written within {limit:?}"))),
        }
        record.begin_commit();
        let raw = raw_document(writer.written_bytes(), source);
        let committed = writer.commit_with(raw).await;
        let committed = committed.map(|receipt| self.outcome(&receipt));
        committed.map_err(|error| match error {
            CommitError::Conflict { .. } => (ArchiveStatus::Conflict, error_chain(&error)),
            CommitError::Unknown { .. } | CommitError::Lost { .. } => {
                (ArchiveStatus::Unknown, error_chain(&error))
            }
            _ => failed(error_chain(&error)),
        })
    }

    fn writer(&self, name: &str, source: &DocumentSource) -> Result<ArchiveWriter, String> {
        let created = if source.codec().is_some() {
            self.archive.create_encoded(name)
        } else {
            self.archive.create(name)
        };
        // It computes a digest only if the run does not.
        match created {
            Ok(writer) if source.is_digested() => Ok(writer.without_digest()),
            created => created.map_err(|error| error_chain(&error)),
        }
    }

    pub(crate) fn outcome(&self, receipt: &Receipt) -> ArchiveOutcome {
        ArchiveOutcome {
            status: match receipt.placement {
                Placement::AlreadyThere => ArchiveStatus::AlreadyThere,
                _ => ArchiveStatus::Ok,
            },
            placement: Some(receipt.placement.as_str()),
            location: Some(self.url_of(&receipt.location).into()),
            codec: Some(receipt.codec.name().to_owned()),
            raw_bytes: Some(receipt.raw_bytes),
            stored_bytes: Some(receipt.stored_bytes),
            sha256: receipt.sha256.map(|digest| digest.to_string()),
            // Nothing was sent if the same document was there already. How that was sent is unknown.
            parts: (receipt.parts > 0).then_some(receipt.parts as u64),
            e_tag: receipt.e_tag.clone(),
            ..ArchiveOutcome::default()
        }
    }

    /// Returns the URL of the object with this key, percent-encoded where the key is not.
    pub fn url_of(&self, key: &object_store::path::Path) -> Url {
        let mut url = self.base.clone();
        // A base without a path could not name an object, and stays as it is.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(key.parts().map(|part| part.as_ref().to_owned()));
        }
        url
    }
}

/// Describes the raw document, all of which has been written.
pub(crate) fn raw_document(written: u64, source: &DocumentSource) -> RawDocument {
    let bytes = if source.codec().is_some() {
        // The encoding has ended, hence the raw document too: its length is known.
        source.known_length().unwrap_or_default()
    } else {
        written
    };
    let document = RawDocument::new(bytes);
    match source.digest() {
        Some(digest) => document.with_sha256(Sha256Digest::from(digest.sha256_bytes())),
        None => document,
    }
}

/// Aborts what failed, within the limit, and returns why there is no object. The rest is cleaned up in the background.
async fn give_up(writer: ArchiveWriter, message: String, deadline: Instant) -> String {
    match timeout_at(deadline, writer.abort()).await {
        Ok(Ok(())) | Err(_) => message,
        Ok(Err(error)) => format!("{message} (and aborting failed: {})", error_chain(&error)),
    }
}

/// A pipeline's archive, and the tasks that continue after their runs.
struct PipelineArchive {
    target: ArchiveTarget,
    going_on: TaskTracker,
}

impl Archiver for PipelineArchive {
    fn codec(&self) -> Codec {
        self.target.archive.codec()
    }

    fn codec_name(&self) -> &'static str {
        self.codec().kind().name()
    }

    fn archive(&self, job: ArchiveJob) -> BoxFuture<'static, ArchiveOutcome> {
        Box::pin(self.target.clone().keep(job))
    }

    fn go_on(&self, archiving: BoxFuture<'static, ArchiveOutcome>) -> JoinHandle<ArchiveOutcome> {
        self.going_on.spawn(archiving)
    }

    fn drained(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.going_on.wait().await;
            // The caller uploads from a spool, and what is being uploaded is still in it.
            #[cfg(feature = "spool")]
            if self.target.spool.is_some() {
                return;
            }
            self.target.archive.settled().await;
        })
    }
}

impl PipelineBuilder {
    /// Archives auctions. Without a target, none is archived.
    #[must_use]
    pub fn archive(mut self, target: ArchiveTarget) -> Self {
        let going_on = TaskTracker::new();
        // A closed tracker still takes tasks. Waiting ends when it is empty.
        going_on.close();
        self.archiver = Some(Arc::new(PipelineArchive { target, going_on }));
        self
    }

    /// Sets how long an archive may take, whatever the solvers do. The default is 120 s, the most a year.
    #[must_use]
    pub fn archive_limit(mut self, limit: Duration) -> Self {
        self.archive_limit = bounded(limit);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use chunked_writer::JsonDocument;
    use futures_util::FutureExt;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};
    use object_store::memory::InMemory;
    use tower_service::Service;

    use super::*;
    use crate::pipeline::Pipeline;
    use crate::request_body::RequestBody;
    use crate::solver::Solver;
    use crate::views::Dispatch;

    /// Takes the first chunk of a body, and the rest so much later.
    #[derive(Clone)]
    struct Late(Duration);

    impl Service<Request<RequestBody>> for Late {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
            let (late, mut body) = (self.0, request.into_body());
            let answer = async move {
                body.frame().await.unwrap().unwrap();
                tokio::time::sleep(late).await;
                body.collect().await.unwrap();
                Ok(Response::new(Full::from("{}")))
            };
            answer.boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn begins_when_solvers_have_everything_or_after_their_head_start() {
        for (late_ms, expected_ms) in [(40, 40.0), (5_000, 100.0)] {
            let store = Arc::new(InMemory::new());
            let archive = Archive::builder(store).build().unwrap();
            let target = ArchiveTarget::new(archive, "memory:///".parse().unwrap());
            let solver = Solver::new("late", "http://localhost").unwrap();
            let pipeline = Pipeline::builder().solver(solver).archive(target);
            let pipeline = pipeline.client(Late(Duration::from_millis(late_ms)));
            // More than a window holds.
            let dispatch = Dispatch::new(JsonDocument::new("x".repeat(3_000_000)));
            let dispatch = dispatch.archive_as("1".parse().unwrap());
            let outcome = pipeline.build().unwrap().run(dispatch).await;
            assert!(outcome.is_ok(), "{outcome:?}");
            let wrote_ms = outcome.archive.write_ms.unwrap();
            let expected = expected_ms..expected_ms + 10.0;
            assert!(expected.contains(&wrote_ms), "{wrote_ms}");
            // The solver did not wait for it.
            assert_eq!(outcome.solvers[0].waited_ms, 0.0);
        }
    }

    #[test]
    fn no_secret_of_the_url_is_kept() {
        let archive = Archive::builder(Arc::new(InMemory::new())).build().unwrap();
        let base = "https://user:secret@store/bucket?sig=secret#secret";
        let target = ArchiveTarget::new(archive, base.parse().unwrap());
        assert!(!format!("{target:?}").contains("secret"), "{target:?}");
        let key = "a/1.json".into();
        assert_eq!(
            target.url_of(&key).as_str(),
            "https://store/bucket/a/1.json"
        );
    }
}
