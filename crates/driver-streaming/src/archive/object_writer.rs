use archive_sink::{
    AbortError, ArchiveWriter, CommitError, EncodedWriter, RawDocument, Receipt, SendError,
    Sha256Digest,
};
use bytes::Bytes;
use futures_core::Stream;

use crate::document::DocumentDigest;
use crate::feed::Feed;

/// One object on its way into an archive, of raw bytes or of encoded ones.
pub(super) trait ObjectWriter {
    /// Writes a whole stream.
    async fn send_all<S, E>(&mut self, stream: S) -> Result<u64, SendError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// Makes it visible; `digest` and `length` are what is known of the raw document.
    async fn commit(
        self,
        digest: Option<DocumentDigest>,
        length: Option<u64>,
    ) -> Result<Receipt, CommitError>;

    /// Leaves nothing.
    async fn abort(self) -> Result<(), AbortError>;
}

/// A writer of raw bytes, which computes a digest only if nobody else does.
pub(super) struct RawArchive {
    writer: ArchiveWriter,
}

impl RawArchive {
    pub(super) fn new(writer: ArchiveWriter, feed: &Feed) -> Self {
        let writer = if feed.is_digested() {
            writer.without_digest()
        } else {
            writer
        };
        Self { writer }
    }
}

impl ObjectWriter for RawArchive {
    async fn send_all<S, E>(&mut self, stream: S) -> Result<u64, SendError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.writer.send_all(stream).await
    }

    async fn commit(
        self,
        digest: Option<DocumentDigest>,
        _length: Option<u64>,
    ) -> Result<Receipt, CommitError> {
        match digest {
            Some(digest) => self.writer.commit_with_digest(sha256(digest)).await,
            None => self.writer.commit().await,
        }
    }

    async fn abort(self) -> Result<(), AbortError> {
        self.writer.abort().await
    }
}

impl ObjectWriter for EncodedWriter {
    async fn send_all<S, E>(&mut self, stream: S) -> Result<u64, SendError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::send_all(self, stream).await
    }

    async fn commit(
        self,
        digest: Option<DocumentDigest>,
        length: Option<u64>,
    ) -> Result<Receipt, CommitError> {
        // The encoding has come to its end, and so had the raw document: its length is known.
        let raw = RawDocument::new(length.unwrap_or_default());
        let raw = match digest {
            Some(digest) => raw.with_sha256(sha256(digest)),
            None => raw,
        };
        Self::commit(self, raw).await
    }

    async fn abort(self) -> Result<(), AbortError> {
        Self::abort(self).await
    }
}

fn sha256(digest: DocumentDigest) -> Sha256Digest {
    Sha256Digest::from(digest.sha256_bytes())
}
