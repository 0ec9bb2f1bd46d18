use std::time::Duration;

use archive_sink::{ArchiveWriter, CommitError, RawDocument, Receipt};
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Instant, timeout_at};

use crate::error_chain::error_chain;
use crate::feed::Feed;
use crate::progress::{ProgressTrack, Stage};

/// The writing of one object, within a limit.
pub(super) struct ArchiveJob<'a> {
    pub(super) feed: &'a Feed,
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
    pub(super) track: &'a ProgressTrack,
}

impl ArchiveJob<'_> {
    /// Writes the document to its end and commits it, or says why there is none.
    pub(super) async fn keep<S, E>(
        &self,
        mut writer: ArchiveWriter,
        document: S,
    ) -> Result<Receipt, String>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let limit = self.limit;
        match timeout_at(self.deadline, writer.send_all(document)).await {
            Ok(Ok(_bytes)) => {}
            Ok(Err(error)) => return Err(self.give_up(writer, error_chain(&error)).await),
            // Dropped and not aborted: the store may be what does not answer, and aborting waits for it. It is cleaned
            // up in the background.
            Err(_elapsed) => return Err(format!("not written within {limit:?}")),
        }
        self.track.set_stage(Stage::Answering);
        let document = self.raw_document(&writer);
        let commit = writer.commit_with(document);
        match timeout_at(self.deadline, commit).await {
            Ok(Ok(receipt)) => Ok(receipt),
            Ok(Err(error)) => Err(why_not_committed(&error)),
            Err(_elapsed) => Err(format!(
                "not committed within {limit:?}: the object may be there, whole"
            )),
        }
    }

    /// What is known of the raw document, all of which has been written.
    fn raw_document(&self, writer: &ArchiveWriter) -> RawDocument {
        let bytes = match self.feed.codec() {
            None => writer.written_bytes(),
            // The encoding has come to its end, and so had the raw document: its length is known.
            Some(_) => self.feed.known_length().unwrap_or_default(),
        };
        let document = RawDocument::new(bytes);
        match self.feed.digest() {
            Some(digest) => document.with_sha256(digest.sha256_bytes().into()),
            None => document,
        }
    }

    /// Aborts what failed, within the limit; what is left of it then is cleaned up in the background. Returns why there
    /// is no object.
    async fn give_up(&self, writer: ArchiveWriter, message: String) -> String {
        match timeout_at(self.deadline, writer.abort()).await {
            Ok(Ok(())) | Err(_) => message,
            Ok(Err(error)) => {
                format!("{message} (and aborting failed: {})", error_chain(&error))
            }
        }
    }
}

fn why_not_committed(error: &CommitError) -> String {
    super::no_credentials::unsigned(error).unwrap_or_else(|| error_chain(error))
}
