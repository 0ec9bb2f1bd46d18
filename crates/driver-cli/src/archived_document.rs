//! An archived auction that is sent again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use archive_sink::{Archive, ArchiveReader, ObjectVersion, ReadError};
use bytes::Bytes;
use chunked_writer::DEFAULT_CHUNK_SIZE;
use driver_streaming::{
    Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture, SharedDigest, skip_bytes,
};
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::member_edits::MemberEdits;
use crate::member_rewriter::MemberRewriter;
use crate::text_document::chunks;

/// An archived auction as a document: read, decompressed and, where members are changed, rewritten as it is sent.
///
/// Every production reads the object again; memory is constant. Producing from an offset decompresses what lies
/// before it, too. All productions of a document and of what is made of it, by cloning it or by [`apart`](Self::apart),
/// are of the object that the first of them opened: if it has been replaced since, a later one fails.
#[derive(Clone, Debug)]
pub struct ArchivedDocument {
    archive: Archive,
    name: String,
    edits: MemberEdits,
    produced: Arc<AtomicU64>,
    archived: SharedDigest,
    /// The object that all productions are of, once one has been opened.
    version: Arc<OnceLock<ObjectVersion>>,
}

impl ArchivedDocument {
    /// The object `name` of `archive`.
    pub fn new(archive: Archive, name: impl Into<String>) -> Self {
        Self {
            archive,
            name: name.into(),
            edits: MemberEdits::default(),
            produced: Arc::default(),
            archived: SharedDigest::default(),
            version: Arc::default(),
        }
    }

    /// The same object as a document of its own, with no member changed: what is produced of it is counted apart.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            edits: MemberEdits::default(),
            produced: Arc::default(),
            archived: SharedDigest::default(),
            ..self.clone()
        }
    }

    /// Changes members on the way, as `edits` say. Values pass without a copy and without being parsed.
    #[must_use]
    pub fn with_edits(mut self, edits: MemberEdits) -> Self {
        self.edits = edits;
        self
    }

    /// Opens the object that was opened before, or whichever is there now.
    async fn open(&self) -> Result<ArchiveReader, ReadError> {
        if let Some(version) = self.version.get() {
            return self.archive.open_version(version).await;
        }
        let reader = self.archive.open(&self.name).await?;
        let first = self.version.get_or_init(|| reader.version().clone());
        if first == reader.version() {
            return Ok(reader);
        }
        // Another production was faster, and the object was replaced between the two, or the store says less of it to
        // one than to the other.
        self.archive.open_version(first).await
    }

    /// The document's bytes from its beginning, in pieces of any size.
    fn pieces(&self) -> impl Stream<Item = Result<Bytes, DocumentError>> + Send + use<> {
        let this = self.clone();
        let opened = async move {
            let reader = this.open().await.map_err(DocumentError::new)?;
            let archived = this.archived.follow(reader.map_err(DocumentError::new), 0);
            let mut rewriter = MemberRewriter::new(this.edits);
            let pieces = archived.map_ok(Some).chain(stream::iter([Ok(None)]));
            let rewritten = pieces.map(move |piece: Result<_, DocumentError>| {
                let mut output = VecDeque::new();
                let pushed = match piece? {
                    Some(piece) => rewriter.push(&piece, &mut output),
                    None => rewriter.finish(),
                };
                pushed.map_err(DocumentError::new)?;
                Ok::<_, DocumentError>(stream::iter(output.into_iter().map(Ok)))
            });
            Ok::<_, DocumentError>(rewritten.try_flatten())
        };
        stream::once(Box::pin(opened)).try_flatten()
    }
}

impl Document for ArchivedDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let produced = Arc::clone(&self.produced);
        let pieces = self.pieces().inspect_ok(move |piece| {
            produced.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let rest = skip_bytes(pieces.boxed(), offset);
        Box::pin(chunks(rest, DEFAULT_CHUNK_SIZE))
    }

    fn bytes_produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    fn length(&self) -> LengthFuture {
        let lengths = self.pieces().map_ok(|piece| piece.len() as u64);
        Box::pin(lengths.try_fold(0, |sum, length| std::future::ready(Ok(sum + length))))
    }

    fn origin(&self) -> Option<DocumentDigest> {
        self.archived.get()
    }
}

#[cfg(test)]
mod tests {
    use archive_sink::Overwrite;
    use archive_sink::object_store::memory::InMemory;

    use super::*;

    async fn store(archive: &Archive, text: &'static [u8]) {
        let mut writer = archive.create("1.json").unwrap();
        let document = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(text))]);
        writer.send_all(document).await.unwrap();
        writer.commit().await.unwrap();
    }

    async fn read(document: &ArchivedDocument) -> Result<Vec<u8>, DocumentError> {
        let chunks: Vec<Bytes> = document.stream_from(0).try_collect().await?;
        Ok(chunks.concat())
    }

    #[tokio::test]
    async fn productions_are_of_one_object_or_fail() {
        let archive = Archive::builder(Arc::new(InMemory::new()))
            .overwrite(Overwrite::Replace)
            .build()
            .unwrap();
        store(&archive, br#"{"id":1,"a":1}"#).await;
        let document = ArchivedDocument::new(archive.clone(), "1.json");
        assert_eq!(read(&document).await.unwrap(), br#"{"id":1,"a":1}"#);
        let digest = document.origin();
        assert!(digest.is_some());
        let view = document
            .apart()
            .with_edits(MemberEdits::nothing().left_open());
        assert_eq!(read(&view).await.unwrap(), br#"{"id":1,"a":1,"#);
        assert_eq!((document.bytes_produced(), view.bytes_produced()), (14, 14));

        store(&archive, br#"{"id":1,"a":2}"#).await;
        for document in [&document, &view, &document.apart()] {
            let error = read(document).await.unwrap_err();
            let shown = driver_streaming::error_chain(&error);
            assert!(
                shown.contains("no longer the object that it was"),
                "{shown}"
            );
            assert!(document.length().await.is_err());
        }
        assert_eq!(document.origin(), digest);
        let anew = ArchivedDocument::new(archive, "1.json");
        assert_eq!(read(&anew).await.unwrap(), br#"{"id":1,"a":2}"#);
    }
}
