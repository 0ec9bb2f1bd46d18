//! A file that a document is in, or arrives in: how much of it is there, and how it ends.

use std::error::Error;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};

use crate::auction_members::{AuctionCheck, Members};
use crate::json_scanner::DocumentMistake;

/// How many bytes are checked and written at once: each time costs two changes of thread, which for 64 KiB take as long as the work.
const WRITTEN_AT_ONCE: usize = 256 * 1024;

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
}

/// How much of a document has arrived, and how that ended.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    /// So many bytes are checked and in the file.
    pub(crate) readable: u64,
    pub(crate) members: Members,
    /// Once that is known, whether it is whole.
    pub(crate) end: Option<Result<(), Broken>>,
}

impl Arrival {
    pub(crate) fn failure(&self) -> Result<(), Broken> {
        self.end.clone().unwrap_or(Ok(()))
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
        let arrival = watch::Sender::default();
        Self {
            file,
            arrival,
            stamp,
        }
    }

    pub(crate) fn arrival(&self) -> watch::Receiver<Arrival> {
        self.arrival.subscribe()
    }

    /// Checks the document's next bytes, which are in the file: they can be read from now on.
    pub(crate) fn admit(&self, check: &mut AuctionCheck, bytes: &[u8]) -> Result<(), Broken> {
        let mut checked = Ok(());
        self.arrival.send_modify(|arrival| {
            checked = check.push(bytes, &mut arrival.members);
            if checked.is_ok() {
                arrival.readable += bytes.len() as u64;
            }
        });
        Ok(checked?)
    }

    /// Says how the document ended, unless it is known that it broke. That is the result then, too.
    pub(crate) fn end<T>(&self, ended: Result<T, Broken>) -> Result<T, Broken> {
        self.arrival.send_modify(|arrival| {
            if arrival.failure().is_ok() {
                arrival.end = Some(ended.as_ref().map(|_| ()).map_err(Broken::clone));
            }
        });
        self.arrival.borrow().failure().and(ended)
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
            return self.end(Err(Broken::Changed));
        }
        Ok(())
    }
}

/// Takes a document's bytes as they arrive.
///
/// Dropped before it is [finished](Self::finish), it breaks all that is produced of the document.
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

    /// Checks the next bytes, and keeps them: ready when they can be read. Best given many at a time.
    ///
    /// Dropped before it is ready, it may have kept part of them: the document cannot be whole any more.
    ///
    /// # Errors
    /// When the document cannot be whole any more.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(WRITTEN_AT_ONCE));
            let mut check = self.check.take().ok_or(Broken::BrokeOff)?;
            let (file, limit) = (Arc::clone(&self.file), self.limit);
            let kept = blocking(move || {
                let at = file.arrival.borrow().readable;
                if piece.len() as u64 > limit - at {
                    return Err(Broken::TooLong(limit));
                }
                file.file.write_all_at(&piece, at)?;
                file.admit(&mut check, &piece)?;
                Ok(check)
            });
            self.check = match kept.await {
                Ok(check) => Some(check),
                failed => return self.file.end(failed).map(drop),
            };
        }
        Ok(())
    }

    /// All has arrived: the document's length.
    ///
    /// # Errors
    /// When the bytes were not one whole JSON object.
    pub fn finish(self) -> Result<u64, Broken> {
        let check = self.check.as_ref().ok_or(Broken::BrokeOff);
        let finished = check.and_then(|check| Ok(check.finish()?));
        self.file.end(finished)
    }

    /// Nothing more can arrive, for this reason: all that is produced of the document fails by it.
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

/// Runs what may block where that holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Broken> {
    let lost = |error: JoinError| Broken::from(io::Error::other(error));
    spawn_blocking(work).await.map_err(lost)?
}
