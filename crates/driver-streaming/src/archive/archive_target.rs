use std::time::Duration;

use archive_sink::{Archive, Receipt};
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::Instant;
use url::Url;

use crate::auction::AuctionId;
use crate::error_chain::error_chain;
use crate::outcome::{ArchiveOutcome, ArchiveStatus};
use crate::progress::{ProgressTrack, Stage};

/// An archive, and the URL it is known by.
#[derive(Clone, Debug)]
pub struct ArchiveTarget {
    archive: Archive,
    base: Url,
}

impl ArchiveTarget {
    /// `archive`, whose store's root is `base`: where the store has the key `a/1.json`, the object is at `base` with
    /// `a/1.json` appended.
    pub fn new(archive: Archive, base: Url) -> Self {
        Self { archive, base }
    }

    /// The archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Takes a document to its end and commits it, or leaves nothing.
    ///
    /// Dropped half-way, it leaves what a dropped [`archive_sink::ArchiveWriter`] leaves.
    pub(crate) async fn keep<S, E>(
        &self,
        id: &AuctionId,
        document: S,
        limit: Duration,
        track: &ProgressTrack,
    ) -> ArchiveOutcome
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        track.set_stage(Stage::Sending);
        let kept = self.try_keep(id, document, limit, track).await;
        let outcome = match kept {
            Ok(receipt) => self.outcome(&receipt),
            Err(message) => ArchiveOutcome::failed(self.archive.codec().kind().name(), message),
        };
        track.set_stage(if outcome.status == ArchiveStatus::Ok {
            Stage::Ok
        } else {
            Stage::Failed
        });
        outcome
    }

    async fn try_keep<S, E>(
        &self,
        id: &AuctionId,
        document: S,
        limit: Duration,
        track: &ProgressTrack,
    ) -> Result<Receipt, String>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let deadline = Instant::now() + limit;
        let mut writer = self
            .archive
            .create(&format!("{id}.json"))
            .map_err(|error| error_chain(&error))?;
        let failure = match tokio::time::timeout_at(deadline, writer.send_all(document)).await {
            Ok(Ok(_bytes)) => None,
            Ok(Err(error)) => Some(error_chain(&error)),
            Err(_elapsed) => Some(format!("not written within {limit:?}")),
        };
        if let Some(message) = failure {
            return Err(match writer.abort().await {
                Ok(()) => message,
                Err(error) => format!("{message} (and aborting failed: {})", error_chain(&error)),
            });
        }
        track.set_stage(Stage::Answering);
        match tokio::time::timeout_at(deadline, writer.commit()).await {
            Ok(Ok(receipt)) => Ok(receipt),
            Ok(Err(error)) => Err(error_chain(&error)),
            Err(_elapsed) => Err(format!(
                "not committed within {limit:?}: the object may be there, whole"
            )),
        }
    }

    fn outcome(&self, receipt: &Receipt) -> ArchiveOutcome {
        ArchiveOutcome {
            status: ArchiveStatus::Ok,
            location: Some(self.url_of(&receipt.location).into()),
            codec: Some(receipt.codec.name().to_owned()),
            raw_bytes: Some(receipt.raw_bytes),
            stored_bytes: Some(receipt.stored_bytes),
            sha256: receipt.sha256.map(|digest| digest.to_string()),
            // Nothing was sent when the same document was there already: how it was sent then is unknown.
            parts: (receipt.parts > 0).then_some(receipt.parts as u64),
            e_tag: receipt.e_tag.clone(),
            error: None,
        }
    }

    fn url_of(&self, key: &object_store::path::Path) -> Url {
        let mut url = self.base.clone();
        // Every base is a URL with a path; one without could not name an object, and stays as it is.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(key.parts().map(|part| part.as_ref().to_owned()));
        }
        url
    }
}
