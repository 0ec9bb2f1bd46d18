//! Writes one object into a spool.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::{fs::File, io::AsyncWriteExt};

use super::{Spool, SpoolError, blocking, entry::Description};
use crate::{Codec, CodecKind, EncodedStream, EncodedStreamError, RawDocument, Sha256Hasher};

/// How many bytes are written before the limits are looked at again.
const LOOK_EVERY: u64 = 16 * 1024 * 1024;

/// An object that is being written into a [`Spool`]. Nothing of it counts before [`accept`](Self::accept).
///
/// # Cancel safety
///
/// Dropping it removes what was written. Dropping a future of [`write_all`](Self::write_all) leaves an object that is
/// not whole: drop the writer, too.
#[derive(Debug)]
pub struct SpoolWriter {
    spool: Spool,
    name: String,
    codec: CodecKind,
    file: File,
    written: u64,
    looked_at: u64,
    staged: Staged,
}

/// A folder that is removed unless it was accepted.
#[derive(Debug)]
struct Staged(Option<PathBuf>);

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // Two names: not worth a thread. What stays is removed when the spool is opened again.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// What was accepted into a [`Spool`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Spooled {
    /// The name under which the archive will have it.
    pub name: String,
    /// The raw document.
    pub document: RawDocument,
    /// The bytes of the object.
    pub stored_bytes: u64,
}

impl SpoolWriter {
    pub(super) async fn new(
        spool: &Spool,
        name: String,
        codec: CodecKind,
    ) -> Result<Self, SpoolError> {
        spool.check_space(0).await?;
        let folders = spool.inner.folders.clone();
        let (staged, file) = blocking(move || {
            let (folder, file) = folders.stage()?;
            Ok((Staged(Some(folder)), file))
        })
        .await?;
        Ok(Self {
            spool: spool.clone(),
            name,
            codec,
            file: File::from_std(file),
            written: 0,
            looked_at: 0,
            staged,
        })
    }

    /// Writes bytes of the object.
    ///
    /// # Errors
    ///
    /// When the spool or its disk is full, or the disk fails.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.written - self.looked_at >= LOOK_EVERY {
            self.spool.check_space(bytes.len() as u64).await?;
            self.looked_at = self.written;
        }
        let written = self.file.write_all(bytes).await;
        written.map_err(SpoolError::io("write", self.folder()))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Compresses a document into the object, and hashes it.
    pub(super) async fn compress<S, E>(
        &mut self,
        document: S,
        codec: Codec,
    ) -> Result<RawDocument, SpoolError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let hasher = Sha256Hasher::default();
        let mut encoded = EncodedStream::new(Hashed { document, hasher }, codec)?;
        while let Some(chunk) = encoded.next().await {
            match chunk {
                Ok(chunk) => self.write_all(&chunk).await?,
                Err(EncodedStreamError::Source(error)) => {
                    return Err(SpoolError::Source(error.into()));
                }
                Err(EncodedStreamError::Encode(error)) => {
                    return Err(SpoolError::io("encode", self.folder())(io::Error::other(
                        error,
                    )));
                }
                Err(EncodedStreamError::Panicked) => {
                    let error = io::Error::other("a codec or the source panicked");
                    return Err(SpoolError::io("encode", self.folder())(error));
                }
            }
        }
        let digest = encoded.get_ref().hasher.finish();
        Ok(RawDocument::new(encoded.raw_bytes()).with_sha256(digest))
    }

    /// Makes the object durable. When this returns `Ok`, it is not lost any more.
    ///
    /// # Errors
    ///
    /// When the spool is full, or the disk fails. The object may have been accepted if the last sync of a folder failed.
    ///
    /// # Cancel safety
    ///
    /// The object is accepted, or nothing is left.
    pub async fn accept(mut self, document: RawDocument) -> Result<Spooled, SpoolError> {
        self.spool.check_space(0).await?;
        let flushed = self.file.flush().await;
        flushed.map_err(SpoolError::io("write", self.folder()))?;
        let Self {
            spool,
            name,
            codec,
            written,
            mut staged,
            ..
        } = self;
        let accepted = Spooled {
            name,
            document,
            stored_bytes: written,
        };
        blocking(move || {
            let description = Description::new(&accepted.name, codec, document, written);
            if let Some(folder) = &staged.0 {
                spool.inner.folders.accept(folder, &description)?;
            }
            // It is elsewhere now.
            drop(staged.0.take());
            spool.inner.accepted.notify_one();
            Ok(accepted)
        })
        .await
    }

    fn folder(&self) -> &Path {
        self.staged.0.as_deref().unwrap_or(Path::new(""))
    }
}

/// A document that is hashed as it passes.
struct Hashed<S> {
    document: S,
    hasher: Sha256Hasher,
}

impl<S, E> Stream for Hashed<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.document.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            self.hasher.update(chunk);
        }
        polled
    }
}
