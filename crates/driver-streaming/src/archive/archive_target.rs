use std::time::Duration;

use archive_sink::{Archive, Receipt};
use futures_util::TryStreamExt;
use tee_stream::Branch;
use tokio::time::Instant;
use url::Url;

use super::archive_job::ArchiveJob;
use crate::auction_id::AuctionId;
use crate::document::DocumentError;
use crate::error_chain::error_chain;
use crate::feed::Feed;
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
    ///
    /// Of `base`, user, password, query and fragment are left out: outcomes and logs show the rest.
    pub fn new(archive: Archive, mut base: Url) -> Self {
        // Both fail only for URLs that cannot carry user info, and those carry none.
        let _has_host = base.set_password(None);
        let _has_host = base.set_username("");
        base.set_query(None);
        base.set_fragment(None);
        Self { archive, base }
    }

    /// The archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Takes a document to its end by `branch`, one of `feed`, and commits it, or leaves nothing.
    ///
    /// Dropped half-way, it leaves what a dropped [`archive_sink::ArchiveWriter`] leaves.
    pub(crate) async fn keep(
        &self,
        id: &AuctionId,
        feed: &Feed,
        branch: Branch<DocumentError>,
        limit: Duration,
        track: &ProgressTrack,
    ) -> ArchiveOutcome {
        track.set_stage(Stage::Sending);
        let counted = branch.inspect_ok(|chunk| track.add_bytes(chunk.len()));
        let job = ArchiveJob {
            feed,
            deadline: Instant::now() + limit,
            limit,
            track,
        };
        let name = format!("{id}.json");
        let created = match feed.codec() {
            None => self.archive.create(&name),
            Some(_) => self.archive.create_encoded(&name),
        };
        let kept = match created {
            // Digested once, by whoever produces it.
            Ok(writer) if feed.is_digested() => job.keep(writer.without_digest(), counted).await,
            Ok(writer) => job.keep(writer, counted).await,
            Err(error) => Err(error_chain(&error)),
        };
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

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
