//! A file that a document is in, or arrives in: how much of it is there, and how it ends.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking, yield_now};

use crate::auction_members::{AuctionCheck, Found, Members};
use crate::json_scanner::DocumentMistake;

/// How many bytes are checked at once, before others run.
const CHECKED_AT_ONCE: usize = 64 * 1024;

/// How many bytes wait for the disk, at most, before their writer does.
const MOST_UNWRITTEN: u64 = 256 * 1024;

/// Why a document is not whole, and never will be.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// It is not one JSON object.
    #[error(transparent)]
    Mistake(#[from] DocumentMistake),
    /// It is longer than this limit.
    #[error("the document is longer than {0} bytes")]
    TooLong(u64),
    /// Its file fails.
    #[error("the file cannot be read or written")]
    File(#[source] Arc<io::Error>),
    /// Its file was changed by somebody else.
    #[error("the file was changed after it was checked")]
    Changed,
    /// Its writer was dropped before all had arrived.
    #[error("the document broke off")]
    BrokeOff,
    /// It has this many bytes less than a reader has been sent.
    #[error("the document ended {0} bytes before where an earlier production had got to")]
    Shorter(u64),
    /// Its source fails.
    #[error("the document broke off")]
    Source(#[source] Arc<dyn Error + Send + Sync>),
}

impl Broken {
    pub(crate) fn of_source(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Source(Arc::new(error))
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::File(Arc::new(error))
    }
}

/// A file, and what is known of the document in it.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    arrival: watch::Sender<Arrival>,
    /// Length and time of modification of a file that others may change.
    stamp: Option<(u64, Option<SystemTime>)>,
    unwritten: Mutex<Unwritten>,
}

/// How much of a document has arrived, and how that ended.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    /// So many bytes are in the file.
    pub(crate) readable: u64,
    /// So many bytes are checked, and in the file or on their way.
    checked: u64,
    pub(crate) members: Members,
    /// The document's length, once it is known to be whole: not all of it may be in the file yet.
    pub(crate) end: Option<Result<u64, Broken>>,
}

/// Pieces that are checked, and not in the file yet.
#[derive(Debug, Default)]
struct Unwritten {
    pieces: VecDeque<Bytes>,
    /// Whether a thread writes until nothing is left.
    is_written: bool,
}

impl Arrival {
    /// Whether all of it can be read.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.end, Some(Ok(length)) if self.readable == length)
    }

    fn fail(&mut self, broken: Broken) {
        // The first reason is the one that counts.
        if !matches!(self.end, Some(Err(_))) {
            self.end = Some(Err(broken));
        }
    }

    /// The reason why nothing will follow what is in the file.
    pub(crate) fn failure_here(&self) -> Result<(), Broken> {
        if self.checked > self.readable {
            return Ok(());
        }
        self.failure()
    }

    pub(crate) fn failure(&self) -> Result<(), Broken> {
        match &self.end {
            Some(Err(broken)) => Err(broken.clone()),
            _ => Ok(()),
        }
    }

    pub(crate) fn add(&mut self, found: Vec<Found>) {
        found.into_iter().for_each(|found| self.members.add(found));
    }
}

impl DiskFile {
    /// A temporary file that is filled by a [`DiskWriter`].
    pub(crate) fn arriving() -> io::Result<Self> {
        Ok(Self::new(tempfile::tempfile()?, None))
    }

    /// A file that is whole, and may be changed by others.
    pub(crate) fn of_others(file: File, metadata: &Metadata) -> Self {
        Self::new(file, Some((metadata.len(), metadata.modified().ok())))
    }

    fn new(file: File, stamp: Option<(u64, Option<SystemTime>)>) -> Self {
        let (arrival, unwritten) = (watch::Sender::default(), Mutex::default());
        Self {
            file,
            arrival,
            stamp,
            unwritten,
        }
    }

    pub(crate) fn arrival(&self) -> watch::Receiver<Arrival> {
        self.arrival.subscribe()
    }

    pub(crate) fn update(&self, update: impl FnOnce(&mut Arrival)) {
        self.arrival.send_modify(update);
    }

    /// Fills `bytes` with those that stand at `offset`. Blocks.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    /// Checks, after something was read, that it is what was there before. Blocks.
    pub(crate) fn check_unchanged(&self) -> Result<(), Broken> {
        let Some(stamp) = self.stamp else {
            return Ok(());
        };
        let now = self.file.metadata()?;
        if (now.len(), now.modified().ok()) != stamp {
            self.update(|arrival| arrival.fail(Broken::Changed));
            return Err(Broken::Changed);
        }
        Ok(())
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes pieces as long as there are any. Blocks.
    fn write(&self) {
        let mut at = self.arrival.borrow().readable;
        loop {
            let pieces = {
                let mut unwritten = self.unwritten();
                if unwritten.pieces.is_empty() {
                    unwritten.is_written = false;
                    return;
                }
                std::mem::take(&mut unwritten.pieces)
            };
            for piece in pieces {
                if let Err(error) = self.file.write_all_at(&piece, at) {
                    // Nothing more is written: `is_written` stays.
                    return self.update(|arrival| {
                        arrival.fail(error.into());
                        arrival.checked = arrival.readable;
                    });
                }
                at += piece.len() as u64;
            }
            self.update(|arrival| arrival.readable = at);
        }
    }
}

/// Takes a document's bytes as they arrive.
///
/// Dropped before it is [finished](Self::finish), it breaks all that is produced of the document.
#[derive(Debug)]
pub struct DiskWriter {
    file: Arc<DiskFile>,
    check: AuctionCheck,
    arrived: u64,
    limit: u64,
}

impl DiskWriter {
    pub(crate) fn new(file: Arc<DiskFile>, limit: u64) -> Self {
        Self {
            file,
            check: AuctionCheck::new(),
            arrived: 0,
            limit,
        }
    }

    /// Checks the next bytes, and keeps them. Waits for the disk where it is much slower than they are.
    ///
    /// Dropped before it is ready, it may have kept part of them: nothing may be written then.
    ///
    /// # Errors
    /// When the document cannot be whole any more: all that is produced of it fails from then on.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(CHECKED_AT_ONCE));
            if let Err(broken) = self.keep(piece) {
                self.file.update(|arrival| arrival.fail(broken.clone()));
                return Err(broken);
            }
            if !bytes.is_empty() {
                yield_now().await;
            }
        }
        let mut arrival = self.file.arrival();
        let arrived = self.arrived;
        let is_ready = |arrival: &Arrival| {
            arrived - arrival.readable <= MOST_UNWRITTEN || arrival.end.is_some()
        };
        match arrival.wait_for(is_ready).await {
            Ok(arrival) => arrival.failure(),
            // The sender of what is waited for is in `self.file`.
            Err(_closed) => Err(Broken::BrokeOff),
        }
    }

    fn keep(&mut self, piece: Bytes) -> Result<(), Broken> {
        self.file.arrival.borrow().failure()?;
        self.arrived += piece.len() as u64;
        if self.arrived > self.limit {
            return Err(Broken::TooLong(self.limit));
        }
        let found = self.check.push(&piece)?;
        self.file.arrival.send_if_modified(|arrival| {
            let is_news = !found.is_empty();
            arrival.checked = self.arrived;
            arrival.add(found);
            is_news
        });
        let mut unwritten = self.file.unwritten();
        unwritten.pieces.push_back(piece);
        if !std::mem::replace(&mut unwritten.is_written, true) {
            let file = Arc::clone(&self.file);
            spawn_blocking(move || file.write());
        }
        Ok(())
    }

    /// All has arrived: the document's length. What is on its way to the disk is still written.
    ///
    /// # Errors
    /// When the bytes were not one whole JSON object: all that is produced of them fails.
    pub fn finish(self) -> Result<u64, Broken> {
        let finished = self.check.finish().map_err(Broken::from);
        let finished = self.file.arrival.borrow().failure().and(finished);
        self.file.update(|arrival| match finished.clone() {
            Ok(length) => arrival.end = Some(Ok(length)),
            Err(broken) => arrival.fail(broken),
        });
        finished
    }

    /// Nothing more can arrive, for this reason: all that is produced of the document fails by it.
    pub fn fail(self, broken: Broken) {
        self.file.update(|arrival| arrival.fail(broken));
    }
}

impl Drop for DiskWriter {
    fn drop(&mut self) {
        self.file.update(|arrival| {
            arrival.end.get_or_insert(Err(Broken::BrokeOff));
        });
    }
}

/// Runs what may block where that holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Broken> {
    let lost = |error: JoinError| Broken::from(io::Error::other(error));
    spawn_blocking(work).await.map_err(lost)?
}
