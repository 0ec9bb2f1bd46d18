use std::time::Duration;

use archive_sink::{CommitError, Receipt};
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Instant, timeout_at};

use super::object_writer::ObjectWriter;
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
    pub(super) async fn keep<W, S, E>(&self, mut writer: W, document: S) -> Result<Receipt, String>
    where
        W: ObjectWriter,
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
        let commit = writer.commit(self.feed.digest(), self.feed.known_length());
        match timeout_at(self.deadline, commit).await {
            Ok(Ok(receipt)) => Ok(receipt),
            Ok(Err(error)) => Err(why_not_committed(&error)),
            Err(_elapsed) => Err(format!(
                "not committed within {limit:?}: the object may be there, whole"
            )),
        }
    }

    /// Aborts what failed, within the limit; what is left of it then is cleaned up in the background. Returns why there
    /// is no object.
    async fn give_up<W: ObjectWriter>(&self, writer: W, message: String) -> String {
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
