//! The file of a document: how much of the document has arrived, and how it ended.

use std::error::Error;
use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};

use crate::auction_members::{AuctionCheck, Members};
use crate::json_scanner::DocumentMistake;

/// Why a document is not whole, and never will be.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// It is not one JSON object.
    #[error(transparent)]
    Mistake(#[from] DocumentMistake),
    /// It is longer than this many bytes.
    #[error("the auction is longer than {0} bytes")]
    TooLong(u64),
    /// Its file could not be read or written.
    #[error("the file cannot be read or written")]
    File(#[source] Arc<io::Error>),
    /// Somebody else changed its file.
    #[error("the file was changed after it was checked")]
    Changed,
    /// Its writer was dropped before all had arrived.
    #[error("the document broke off")]
    BrokeOff,
    /// It is this many bytes shorter than what a reader has been sent.
    #[error("the document ended {0} bytes before where an earlier production had got to")]
    Shorter(u64),
    /// Its source failed.
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

/// A file and the state of the document in it.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    arrival: watch::Sender<Arrival>,
    /// Of a file that others may change.
    stamp: Option<Stamp>,
}

/// The length of a file, and its modification time.
type Stamp = (u64, Option<SystemTime>);

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.modified().ok())
}

/// How much of a document has arrived, and how that ended.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    /// How many bytes are in the file and checked.
    pub(crate) readable: u64,
    pub(crate) members: Members,
    /// Whether it is whole, once that is known.
    pub(crate) end: Option<Result<(), Broken>>,
}

impl Arrival {
    pub(crate) fn failure(&self) -> Result<(), Broken> {
        self.end.clone().unwrap_or(Ok(()))
    }
}

impl DiskFile {
    /// A file that nobody else has, or one that others may change, and its metadata.
    pub(crate) fn new(file: File, metadata: Option<&Metadata>) -> Self {
        Self {
            file,
            arrival: watch::Sender::default(),
            stamp: metadata.map(stamp),
        }
    }

    pub(crate) fn arrival(&self) -> watch::Receiver<Arrival> {
        self.arrival.subscribe()
    }

    /// Checks the document's next bytes, which are in the file already, and lets readers read them.
    pub(crate) fn admit(&self, check: &mut AuctionCheck, bytes: &[u8]) -> Result<(), Broken> {
        // Readers do not have to wait for this.
        let mut found = Members::default();
        check.push(bytes, &mut found)?;
        self.arrival.send_modify(|arrival| {
            arrival.members.append(found);
            arrival.readable += bytes.len() as u64;
        });
        Ok(())
    }

    /// Records how the document ended. Returns the earlier failure if there is one, which stays.
    pub(crate) fn end<T>(&self, ended: Result<T, Broken>) -> Result<T, Broken> {
        self.arrival.send_modify(|arrival| {
            if arrival.failure().is_ok() {
                arrival.end = Some(ended.as_ref().map(|_| ()).map_err(Broken::clone));
            }
        });
        self.arrival.borrow().failure().and(ended)
    }

    /// Like [`read_at`](Self::read_at), and does not block: fails where not all is in the page cache, for files that others
    /// may change, and on systems that cannot say.
    pub(crate) fn read_cached_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.stamp.is_none() {
            use rustix::io::{ReadWriteFlags, preadv2};
            let length = bytes.len();
            let parts = &mut [IoSliceMut::new(bytes)];
            if preadv2(&self.file, parts, offset, ReadWriteFlags::NOWAIT)? == length {
                return Ok(());
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Fills `bytes` from `offset` on. Blocks.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    /// Checks that nobody has changed the file, to be called after reading. Blocks.
    pub(crate) fn check_unchanged(&self) -> Result<(), Broken> {
        match self.stamp {
            Some(before) if stamp(&self.file.metadata()?) != before => {
                self.end(Err(Broken::Changed))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a document to disk as it arrives.
///
/// If it is dropped before it is [finished](Self::finish), every production of the document fails.
#[derive(Debug)]
pub struct DiskWriter {
    file: Arc<DiskFile>,
    /// Away while it is used.
    check: Option<AuctionCheck>,
    limit: u64,
}

impl DiskWriter {
    pub(crate) fn new(file: Arc<DiskFile>, limit: u64) -> Self {
        let check = Some(AuctionCheck::new());
        Self { file, check, limit }
    }

    /// Checks and writes the next bytes. When it is ready, they can be read. Each call costs two changes of thread, as much as
    /// the work on 64 KiB.
    ///
    /// If the future is dropped, part of the bytes may have been written: the document cannot be completed any more.
    ///
    /// # Errors
    /// When the bytes are wrong, too many, or cannot be written.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut check = self.check.take().ok_or(Broken::BrokeOff)?;
        let (file, limit) = (Arc::clone(&self.file), self.limit);
        let written = blocking(move || {
            let at = file.arrival.borrow().readable;
            if bytes.len() as u64 > limit - at {
                return Err(Broken::TooLong(limit));
            }
            file.file.write_all_at(&bytes, at)?;
            file.admit(&mut check, &bytes)?;
            Ok(check)
        });
        match written.await {
            Ok(check) => self.check = Some(check),
            failed => return self.file.end(failed).map(drop),
        }
        Ok(())
    }

    /// Ends the document, and returns its length.
    ///
    /// # Errors
    /// When the bytes are not one whole JSON object.
    pub fn finish(self) -> Result<u64, Broken> {
        let check = self.check.as_ref().ok_or(Broken::BrokeOff);
        let finished = check.and_then(|check| Ok(check.finish()?));
        self.file.end(finished)
    }

    /// Ends the document with a failure, which every production of it fails with.
    pub fn fail(self, broken: Broken) {
        let _failed = self.file.end::<()>(Err(broken));
    }
}

impl Drop for DiskWriter {
    fn drop(&mut self) {
        if self.file.arrival.borrow().end.is_none() {
            let _failed = self.file.end::<()>(Err(Broken::BrokeOff));
        }
    }
}

/// Runs work that may block on a thread for such work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Broken> {
    let lost = |error: JoinError| Broken::from(io::Error::other(error));
    spawn_blocking(work).await.map_err(lost)?
}
