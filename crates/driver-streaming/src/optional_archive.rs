//! What a run knows of its archive, also without the feature `archive`.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tee_stream::{Branch, BranchEnd, BranchEnding};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::auction_id::AuctionId;
use crate::document::DocumentError;
use crate::encoding::Codec;
use crate::observer::{ReaderObservers, Stage, lock};
use crate::outcome::{ArchiveOutcome, ArchiveStatus, milliseconds};
use crate::sharing::DocumentSource;
use crate::views::Later;
use crate::window_budget::WindowLease;

/// Keeps a copy of each auction.
pub(crate) trait Archiver: Send + Sync {
    /// Returns how copies are compressed.
    fn codec(&self) -> Codec;

    /// Returns the codec's name for outcomes.
    fn codec_name(&self) -> &'static str;

    /// Archives a whole document, or leaves nothing.
    fn archive(&self, job: ArchiveJob) -> BoxFuture<'static, ArchiveOutcome>;

    /// Continues in a task of its own.
    fn go_on(&self, archiving: BoxFuture<'static, ArchiveOutcome>) -> JoinHandle<ArchiveOutcome>;

    /// Waits until no such task is left, and nothing is being cleaned up.
    fn drained(&self) -> BoxFuture<'_, ()>;
}

/// One auction to archive. It owns all that it needs, so that it can continue without its run.
pub(crate) struct ArchiveJob {
    pub(crate) name: Later<AuctionId>,
    pub(crate) source: DocumentSource,
    /// A branch of `source`, which has to exist before any branch is polled.
    pub(crate) branch: Branch<DocumentError>,
    pub(crate) limit: Duration,
    /// Ends when the first body of every solver has.
    pub(crate) sent: Receiver<Infallible>,
    pub(crate) record: Arc<ArchiveRecord>,
    /// The windows that it reads from.
    pub(crate) _lease: WindowLease,
}

/// Returns the name of an auction's object, without the codec's extension.
pub(crate) fn object_name(id: &AuctionId) -> String {
    format!("{id}.json")
}

/// What is known of an archive while it is made, and its observers.
pub(crate) struct ArchiveRecord {
    pub(crate) reader: ReaderObservers,
    codec_name: &'static str,
    pub(crate) started: Instant,
    known: Mutex<Known>,
}

/// What is known of an archive that is being made.
#[derive(Default)]
struct Known {
    /// When it had read the whole document.
    committing: Option<Instant>,
    /// How its branch ended.
    branch: Option<BranchEnd>,
    /// Its outcome if it is in a spool and nothing more becomes known.
    spooled: Option<ArchiveOutcome>,
}

impl ArchiveRecord {
    pub(crate) fn new(codec_name: &'static str, reader: ReaderObservers) -> Self {
        Self {
            reader,
            codec_name,
            started: Instant::now(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    pub(crate) fn branch_ended(&self, end: BranchEnd) {
        self.known().branch = Some(end);
    }

    pub(crate) fn begin_commit(&self) {
        self.known().committing = Some(Instant::now());
        self.reader.entered(Stage::Answering);
    }

    /// Sets the outcome of an object in a spool if nothing more becomes known, and returns the one before.
    pub(crate) fn spooled(&self, outcome: Option<ArchiveOutcome>) -> Option<ArchiveOutcome> {
        std::mem::replace(&mut self.known().spooled, outcome)
    }

    /// The archive was cancelled with its run, perhaps while it was being committed.
    pub(crate) fn cancelled(&self) -> ArchiveOutcome {
        if let Some(spooled) = self.spooled(None) {
            return self.ended(spooled);
        }
        let error = if self.known().committing.is_some() {
            "cancelled during the commit: the whole object may be there"
        } else {
            "cancelled before it was committed"
        };
        self.failed(ArchiveStatus::Cancelled, error.to_owned())
    }

    pub(crate) fn failed(&self, status: ArchiveStatus, error: String) -> ArchiveOutcome {
        self.ended(ArchiveOutcome::failed(status, error))
    }

    pub(crate) fn ended(&self, mut outcome: ArchiveOutcome) -> ArchiveOutcome {
        outcome.codec.get_or_insert(self.codec_name.to_owned());
        let known = self.known();
        let writing = known.committing.map(|committing| committing - self.started);
        outcome.write_ms = writing.map(milliseconds);
        outcome.total_ms = Some(milliseconds(self.started.elapsed()));
        let branch = known.branch.as_ref();
        outcome.waited_ms = branch.map(|end| milliseconds(end.waited));
        outcome.waited_for_ms = branch.map(|end| milliseconds(end.waited_for));
        outcome.document_failed = branch.is_some_and(|end| end.ending == BranchEnding::Source);
        drop(known);
        self.reader
            .notify(|observer, _archive| observer.archive_ended(&outcome));
        self.reader.ended(outcome.status.is_ok());
        outcome
    }
}
