//! The file of a document: how much of the document has arrived, and how it ended.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};

use crate::auction_members::{AuctionCheck, Members};
use crate::json_scanner::DocumentMistake;
use crate::member_edits::Piece;

/// How many of the newest bytes of a document that arrives are kept in memory, and in how many pieces, beside the file.
const NEWEST_BYTES: u64 = 1024 * 1024;
const NEWEST_PIECES: usize = 1024;

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
    /// Length and modification time of a file that others may change.
    stamp: Option<(u64, Option<SystemTime>)>,
}

fn stamp(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

/// How much of a document has arrived, and how that ended.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    /// How many bytes are checked, and in the file or in memory.
    pub(crate) readable: u64,
    /// The newest pieces of a document that arrives, and where they start. All bytes before them are in the file; the last
    /// piece may still be being written.
    newest: VecDeque<(u64, Bytes)>,
    pub(crate) members: Members,
    /// Whether it is whole, once that is known.
    pub(crate) end: Option<Result<(), Broken>>,
}

impl Arrival {
    pub(crate) fn failure(&self) -> Result<(), Broken> {
        self.end.clone().unwrap_or(Ok(()))
    }

    /// Appends a piece to the newest ones, when all before it have been written.
    fn keep(&mut self, piece: Bytes) {
        let end = self.readable + piece.len() as u64;
        while let Some((start, _)) = self.newest.front()
            && (end - start > NEWEST_BYTES || self.newest.len() == NEWEST_PIECES)
        {
            self.newest.pop_front();
        }
        self.newest.push_back((self.readable, piece));
    }

    /// Appends these bytes of the document to `found`: as text if they are in memory, else as bytes of the file.
    pub(crate) fn find(&self, bytes: Range<u64>, found: &mut Vec<Piece>) {
        let memory = self.newest.front().map_or(self.readable, |(at, _)| *at);
        let in_file = bytes.start.min(memory)..bytes.end.min(memory);
        found.push(Piece::Original(in_file));
        for (at, piece) in &self.newest {
            // Within the piece, so that it fits.
            let within = |place: u64| place.saturating_sub(*at).min(piece.len() as u64) as usize;
            let text = piece.slice(within(bytes.start)..within(bytes.end));
            found.push(Piece::Text(text));
        }
        found.retain(|piece| piece.length() > 0);
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

    /// Checks the document's next bytes, and lets readers read them: from the file, which has them already, or from memory if
    /// the document arrives.
    pub(crate) fn admit(&self, check: &mut AuctionCheck, bytes: Bytes) -> Result<(), Broken> {
        // Readers do not have to wait for this.
        let mut found = Members::default();
        check.push(&bytes, &mut found)?;
        self.arrival.send_modify(|arrival| {
            arrival.members.append(found);
            let length = bytes.len() as u64;
            if self.stamp.is_none() {
                arrival.keep(bytes);
            }
            arrival.readable += length;
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

    /// Appends these bytes of the file to `bytes`. Blocks.
    pub(crate) fn read(&self, range: Range<u64>, bytes: &mut Vec<u8>) -> io::Result<()> {
        let before = bytes.len();
        bytes.resize(before + (range.end - range.start) as usize, 0);
        self.file.read_exact_at(&mut bytes[before..], range.start)
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
        let check = Some(AuctionCheck::default());
        Self { file, check, limit }
    }

    /// Checks and writes the next bytes. They can be read from memory as soon as they are checked; when it is ready, they are in
    /// the file. Each call costs two changes of thread, as much as the work on 64 KiB.
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
        let written = async {
            let at = file.arrival.borrow().readable;
            if bytes.len() as u64 > limit - at {
                return Err(Broken::TooLong(limit));
            }
            file.admit(&mut check, bytes.clone())?;
            blocking(move || Ok(file.file.write_all_at(&bytes, at)?)).await
        };
        let written = written.await;
        if written.is_err() {
            return self.file.end(written);
        }
        self.check = Some(check);
        Ok(())
    }

    /// Ends the document, and returns its length.
    ///
    /// # Errors
    /// When the bytes are not one whole JSON object.
    pub fn finish(self) -> Result<u64, Broken> {
        let check = self.check.as_ref().ok_or(Broken::BrokeOff);
        self.file.end(check.and_then(|check| Ok(check.finish()?)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_the_newest_bytes_within_its_limits() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|index| index as u8 ^ 0x5a).collect();
        for (size, expected) in [
            (100, 100 * NEWEST_PIECES as u64),
            (100_000, 1_000_000),
            (500_000, 1_000_000),
            (1_500_000, 1_500_000),
        ] {
            let mut arrival = Arrival::default();
            for piece in bytes.chunks(size) {
                arrival.keep(Bytes::copy_from_slice(piece));
                arrival.readable += piece.len() as u64;
            }
            let end = arrival.readable;
            let in_memory = |start| {
                let mut found = Vec::new();
                arrival.find(start..end, &mut found);
                let (mut at, mut kept) = (start, 0);
                for piece in &found {
                    match piece {
                        Piece::Original(range) => assert_eq!(range.start, at),
                        Piece::Text(text) => {
                            assert_eq!(text, &bytes[at as usize..][..text.len()]);
                            kept += text.len() as u64;
                        }
                    }
                    at += piece.length();
                }
                assert_eq!(at, end);
                kept
            };
            assert_eq!(in_memory(0), expected);
            assert_eq!(in_memory(end - 7), 7);
        }
    }
}
