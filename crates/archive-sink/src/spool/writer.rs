//! Writes one object into a spool.

use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use tokio::{fs::File, io::AsyncWriteExt, sync::SetOnce, time::timeout};

use super::{
    Spool, SpoolError, blocking,
    entry::{Description, next_id},
    lock,
};
use crate::{Codec, CommitError, EncodedStream, EncodedStreamError, RawDocument, Receipt};

/// How often to look whether another process has uploaded an object.
const LOOK: Duration = Duration::from_millis(500);

/// How many bytes are written before the limits are looked at again.
const LOOK_EVERY: u64 = 16 * 1024 * 1024;

/// An object that is being written into a [`Spool`]. It counts only after [`accept`](Self::accept).
///
/// # Cancel safety
///
/// Dropping the writer removes what was written. After dropping the future of a write, the object is not whole: drop the
/// writer as well.
#[derive(Debug)]
pub struct SpoolWriter {
    name: String,
    codec: Codec,
    file: File,
    looked_at: u64,
    staged: Staged,
}

/// A folder that is removed when dropped, unless it was accepted.
#[derive(Debug)]
struct Staged {
    spool: Spool,
    folder: Option<PathBuf>,
    /// How many bytes were written into it.
    bytes: u64,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // Two files are not worth a thread. What stays is removed when the spool is opened again.
            let _ = std::fs::remove_dir_all(folder);
            self.spool.inner.freed(self.bytes);
        }
    }
}

/// An object that was accepted into a [`Spool`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Spooled {
    /// The name under which the archive will have it.
    pub name: String,
    /// The raw document.
    pub document: RawDocument,
    /// The bytes of the object.
    pub stored_bytes: u64,
    id: String,
    arrival: Arc<SetOnce<Arrival>>,
    spool: Spool,
}

/// What became of an accepted object.
#[derive(Debug)]
#[non_exhaustive]
pub enum Arrival {
    /// The store has it. Without a receipt, another process has uploaded it.
    Stored(Option<Receipt>),
    /// The store refuses it for good, or it cannot be sent: it is in `failed/`.
    SetAside {
        /// The store's error, if this process uploaded it.
        error: Option<CommitError>,
        /// The reason in words.
        reason: String,
    },
}

impl Spooled {
    /// Waits until an [`Uploader`](super::Uploader), in this process or another, has stored the object or set it aside.
    ///
    /// # Errors
    ///
    /// If the runtime shuts down, or after [`Spool::stop_waiting`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only waits.
    pub async fn arrived(&self) -> Result<&Arrival, SpoolError> {
        let mut was_gone = false;
        loop {
            let arrival = pin!(timeout(LOOK, self.arrival.wait()));
            match select(arrival, pin!(self.spool.inner.stopped.wait())).await {
                Either::Left((Ok(arrival), _)) => return Ok(arrival),
                Either::Left((Err(_elapsed), _)) => {}
                Either::Right(_) => return Err(SpoolError::Stopped),
            }
            let (folders, id) = (self.spool.inner.folders.clone(), self.id.clone());
            let found = blocking(move || Ok(folders.arrival(&id))).await?;
            // Looks twice: an uploader in this process removes the object just before it reports.
            if let (true, Some(reason)) = (was_gone, &found) {
                let set_aside = |reason| Arrival::SetAside {
                    error: None,
                    reason,
                };
                let arrival = reason.clone().map_or(Arrival::Stored(None), set_aside);
                let _unless_said = self.arrival.set(arrival);
            }
            was_gone = found.is_some();
        }
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        lock(&self.spool.inner.waiting).remove(&self.id);
    }
}

impl SpoolWriter {
    pub(super) async fn new(spool: &Spool, name: String, codec: Codec) -> Result<Self, SpoolError> {
        spool.check_space(0).await?;
        let spool = spool.clone();
        let staging = blocking(move || {
            let (folder, file) = spool.inner.folders.stage()?;
            let (folder, bytes) = (Some(folder), 0);
            let staged = Staged {
                spool,
                folder,
                bytes,
            };
            Ok((staged, file))
        });
        let (staged, file) = staging.await?;
        Ok(Self {
            name,
            codec,
            file: File::from_std(file),
            looked_at: 0,
            staged,
        })
    }

    /// Writes bytes of the object, already encoded with the archive's codec.
    ///
    /// # Errors
    ///
    /// If the spool or its disk is full, or the disk fails.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let (length, inner) = (bytes.len() as u64, &self.staged.spool.inner);
        let is_full = inner.used.load(Relaxed).saturating_add(length) > inner.max_bytes;
        if is_full || self.staged.bytes - self.looked_at >= LOOK_EVERY {
            self.staged.spool.check_space(length).await?;
            self.looked_at = self.staged.bytes;
        }
        let written = self.file.write_all(bytes).await;
        self.written(written)?;
        self.staged.bytes += length;
        self.staged.spool.inner.used.fetch_add(length, Relaxed);
        Ok(())
    }

    /// Writes a whole encoded document, and returns its length and, if the stream computes it, its digest.
    ///
    /// # Errors
    ///
    /// As [`write_all`](Self::write_all), and if the document's stream fails.
    pub async fn write_encoded<S, E>(
        &mut self,
        mut encoded: EncodedStream<S>,
    ) -> Result<RawDocument, SpoolError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.codec = encoded.codec();
        while let Some(chunk) = encoded.next().await {
            let error = match chunk {
                Ok(chunk) => {
                    self.write_all(&chunk).await?;
                    continue;
                }
                Err(EncodedStreamError::Source(error)) => {
                    return Err(SpoolError::Source(error.into()));
                }
                Err(EncodedStreamError::Encode(error)) => io::Error::other(error),
                Err(EncodedStreamError::Panicked) => {
                    io::Error::other("a codec or the source panicked")
                }
            };
            return Err(SpoolError::io("encode", self.folder())(error));
        }
        let document = encoded.raw_document();
        Ok(document.unwrap_or_else(|| unreachable!("it has ended without an error")))
    }

    fn written(&self, written: io::Result<()>) -> Result<(), SpoolError> {
        let written = written.map_err(SpoolError::io("write", self.folder()));
        written.map_err(|error| self.staged.spool.refused(error))
    }

    /// Makes the object durable. Once this returns `Ok`, it is not lost.
    ///
    /// # Errors
    ///
    /// If the spool is full, or the disk fails. If the last sync of a folder failed, the object may have been accepted.
    ///
    /// # Cancel safety
    ///
    /// After dropping the future, the object is accepted or nothing is left.
    pub async fn accept(mut self, document: RawDocument) -> Result<Spooled, SpoolError> {
        self.staged.spool.check_space(0).await?;
        let flushed = self.file.flush().await;
        self.written(flushed)?;
        let Self {
            name,
            codec,
            mut staged,
            ..
        } = self;
        let accepted = Spooled {
            name,
            document,
            stored_bytes: staged.bytes,
            id: next_id(),
            arrival: Arc::default(),
            spool: staged.spool.clone(),
        };
        blocking(move || {
            let (id, inner) = (&accepted.id, &accepted.spool.inner);
            let description =
                Description::new(&accepted.name, codec.kind(), document, staged.bytes);
            // Before an uploader can find it.
            lock(&inner.waiting).insert(id.clone(), Arc::clone(&accepted.arrival));
            if let Some(folder) = &staged.folder {
                inner.folders.accept(folder, id, &description)?;
            }
            // The folder has moved.
            drop(staged.folder.take());
            inner.accepted.notify_one();
            Ok(accepted)
        })
        .await
    }

    fn folder(&self) -> &Path {
        self.staged.folder.as_deref().unwrap_or(Path::new(""))
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::Archive;

    async fn writer(folder: &Path) -> SpoolWriter {
        let spool = Spool::builder(folder).keep_free(0);
        let spool = spool.open().await.unwrap();
        let archive = Archive::builder(Arc::new(InMemory::new()));
        let archive = archive.build().unwrap();
        spool.create(&archive, "a").await.unwrap()
    }

    #[tokio::test]
    async fn what_the_disk_did_not_take_is_not_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path()).await;
        // Opened for reading only.
        writer.file = File::open(folder.path()).await.unwrap();
        writer.write_all(b"{}").await.ok();
        let error = writer.accept(RawDocument::new(2)).await.unwrap_err();
        assert!(
            matches!(error, SpoolError::Io { what: "write", .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn nothing_is_kept_of_an_object_that_nobody_waits_for() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path()).await;
        let spooled = writer.accept(RawDocument::new(0)).await.unwrap();
        let spool = spooled.spool.clone();
        assert_eq!(lock(&spool.inner.waiting).len(), 1);
        drop(spooled);
        assert!(lock(&spool.inner.waiting).is_empty());
    }
}
