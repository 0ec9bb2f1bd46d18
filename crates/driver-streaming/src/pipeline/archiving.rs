use std::time::Duration;

use tee_stream::Branch;

use super::window_budget::WindowLease;
use crate::archive::ArchiveTarget;
use crate::auction_id::AuctionId;
use crate::document::DocumentError;
use crate::feed::Feed;
use crate::outcome::ArchiveOutcome;
use crate::progress::ProgressTrack;
use crate::telemetry::ArchiveTelemetry;

/// The archiving of one auction, made ready. Owns all that it needs, so that it may go on without the run.
pub(super) struct Archiving {
    pub(super) target: ArchiveTarget,
    pub(super) id: AuctionId,
    pub(super) feed: Feed,
    pub(super) branch: Branch<DocumentError>,
    pub(super) limit: Duration,
    pub(super) track: ProgressTrack,
    pub(super) told: ArchiveTelemetry,
    /// Of the windows of the run, those that it reads from.
    pub(super) _lease: WindowLease,
}

impl Archiving {
    /// Takes the document to its end and commits it, or leaves nothing.
    pub(super) async fn keep(self) -> ArchiveOutcome {
        let outcome = self
            .target
            .keep(&self.id, &self.feed, self.branch, self.limit, &self.track)
            .await;
        self.told.finish(&outcome);
        outcome
    }
}
