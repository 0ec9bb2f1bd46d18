//! An archive that goes to a local disk first, and from there to the store.

use std::pin::pin;
use std::time::Duration;

use archive_sink::{
    Arrival, CommitError, EncodedStream, RawDocument, Spool, SpoolError, SpoolWriter,
};
use futures_util::TryStreamExt;
use tokio::time::{Instant, timeout_at};

use crate::archive::{ArchiveTarget, raw_document};
use crate::auction_id::AuctionId;
use crate::failure::error_chain;
use crate::optional_archive::{ArchiveJob, object_name};
use crate::outcome::{ArchiveOutcome, ArchiveStatus};

/// How long the disk has, at least, to make durable what was written.
const LAST_STEP: Duration = Duration::from_secs(10);

impl ArchiveTarget {
    /// Writes auctions into `spool`, at the pace of its disk. Run an `Uploader` of that spool to upload them to the store. One
    /// uploader can serve any number of pipelines, and can run in another process.
    ///
    /// An archive is `ok`, `already_there` or `conflict` if the uploader reports so within the
    /// [limit](crate::PipelineBuilder::archive_limit), and otherwise `spooled`. If the spool is full, it is `spool_full` at once.
    ///
    /// ```no_run
    /// # use driver_streaming::ArchiveTarget;
    /// # async fn example(archive: archive_sink::Archive) -> Result<(), Box<dyn std::error::Error>> {
    /// let spool = archive_sink::Spool::builder("/var/spool/auctions").open().await?;
    /// tokio::spawn(spool.uploader(archive.clone()).await?.run());
    /// let target = ArchiveTarget::new(archive, "s3://auctions/".parse()?).spooled(spool);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn spooled(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Writes the document into the spool, and waits within the limit until the store has it.
    ///
    /// Cancel safety: dropped while it writes, it leaves nothing. Dropped while it waits, the object is in the spool.
    pub(crate) async fn write_to_spool(
        &self,
        spool: &Spool,
        id: &AuctionId,
        job: ArchiveJob,
    ) -> Result<ArchiveOutcome, (ArchiveStatus, String)> {
        let (record, limit) = (job.record.clone(), job.limit);
        let deadline = Instant::now() + limit;
        let failed = |message| (ArchiveStatus::Failed, message);
        let refused = |error: SpoolError| match error.is_full() {
            true => (ArchiveStatus::SpoolFull, error_chain(&error)),
            false => failed(error_chain(&error)),
        };
        let written = timeout_at(deadline, self.write_all(spool, id, job)).await;
        let late = |_elapsed| failed(format!("not written within {limit:?}"));
        let (writer, document) = written.map_err(late)?.map_err(refused)?;
        record.begin_commit();
        let last = deadline.max(Instant::now() + LAST_STEP);
        let unknown = |what: &str| {
            let message = format!("{what}; the object may be in the spool");
            (ArchiveStatus::Unknown, message)
        };
        let accepted = timeout_at(last, writer.accept(document)).await;
        let accepted = accepted.map_err(|_elapsed| unknown("the disk does not answer"))?;
        let spooled = accepted.map_err(|error| match refused(error) {
            (ArchiveStatus::Failed, message) => unknown(&message),
            full => full,
        })?;
        let folder = spool.folder().display();
        let location = self.archive.location_of(&spooled.name);
        let known = |status| ArchiveOutcome {
            status,
            location: location.as_ref().ok().map(|key| self.url_of(key).into()),
            raw_bytes: Some(spooled.document.bytes),
            stored_bytes: Some(spooled.stored_bytes),
            sha256: spooled.document.sha256.map(|digest| digest.to_string()),
            ..ArchiveOutcome::default()
        };
        record.spooled(Some(ArchiveOutcome {
            error: Some(format!(
                "the store has not confirmed it yet; until then it is in the spool {folder}"
            )),
            ..known(ArchiveStatus::Spooled)
        }));
        let arrival = timeout_at(deadline, spooled.arrived()).await;
        let noted = record.spooled(None);
        match arrival {
            Ok(Ok(Arrival::Stored(Some(receipt)))) => Ok(self.outcome(receipt)),
            Ok(Ok(Arrival::SetAside { error, reason })) => {
                let status = match error {
                    Some(CommitError::Conflict { .. }) => ArchiveStatus::Conflict,
                    _ => ArchiveStatus::Failed,
                };
                Err((
                    status,
                    format!("{reason}; it is set aside in {folder}/failed"),
                ))
            }
            Ok(Ok(_)) => Ok(known(ArchiveStatus::Ok)),
            Ok(Err(_)) | Err(_) => Ok(noted.unwrap_or_else(|| known(ArchiveStatus::Spooled))),
        }
    }

    /// Writes the whole document, which the spool has not accepted then.
    async fn write_all(
        &self,
        spool: &Spool,
        id: &AuctionId,
        job: ArchiveJob,
    ) -> Result<(SpoolWriter, RawDocument), SpoolError> {
        let (source, record) = (&job.source, &job.record);
        let mut writer = spool.create(&self.archive, &object_name(id)).await?;
        let branch = job.branch;
        let mut document = pin!(branch.inspect_ok(|chunk| record.reader.taken(chunk.len())));
        let raw = if source.codec().is_some() {
            let failed = |error| SpoolError::Source(Box::new(error));
            while let Some(chunk) = document.try_next().await.map_err(failed)? {
                writer.write_all(&chunk).await?;
            }
            raw_document(0, source)
        } else {
            let encoded = EncodedStream::new(document, self.archive.codec())?;
            match source.is_digested() {
                true => raw_document(writer.write_encoded(encoded).await?.bytes, source),
                false => writer.write_encoded(encoded.with_digest()).await?,
            }
        };
        Ok((writer, raw))
    }
}
