use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use archive_sink::{Archive, ArchiveReader, ObjectVersion, OpenError};
use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::value::RawValue;

use super::exact_chunks::ExactChunks;
use super::member_edits::MemberEdits;
use super::member_rewriter::MemberRewriter;
use super::rewrite::Rewrite;
use crate::auction::{LIQUIDITY, Omission};
use driver_streaming::{
    Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture, SharedDigest, skip_bytes,
};

/// An archived auction as a document: read, decompressed and, where members are changed, rewritten as it is sent.
///
/// Every production reads the object again; memory is constant. Producing from an offset decompresses what lies
/// before it, too. All productions of a document and of what is made of it, by cloning it or by [`apart`](Self::apart),
/// are of the object that the first of them opened: if it has been replaced since, a later one fails, so that nobody is
/// sent parts of two.
#[derive(Clone, Debug)]
pub struct ArchivedDocument {
    archive: Archive,
    name: String,
    edits: MemberEdits,
    chunk_size: NonZeroUsize,
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
            chunk_size: chunked_writer::DEFAULT_CHUNK_SIZE,
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

    /// Replaces top-level members on the way, or appends them: pairs of a name and a value. Of two with the same name, the
    /// last counts. Values are kept as JSON text, so that what comes out is as much JSON as what was archived.
    #[must_use]
    pub fn with_members(
        mut self,
        members: impl IntoIterator<Item = (String, Box<RawValue>)>,
    ) -> Self {
        let members = members.into_iter();
        let texts = members.map(|(name, value)| (name, Box::<str>::from(value)));
        self.edits = self
            .edits
            .replace(texts.map(|(name, text)| (name, Bytes::from(String::from(text)))));
        self
    }

    /// Leaves out what `omission` says, as an [`AuctionView`](crate::AuctionView) does of an auction that is not archived.
    #[must_use]
    pub fn without(mut self, omission: &Omission) -> Self {
        let removed = omission.names().map(ToOwned::to_owned);
        self.edits = self.edits.remove(removed);
        if omission.is_without_liquidity() {
            self.edits = self.edits.empty([LIQUIDITY.to_owned()]);
        }
        self
    }

    /// Leaves out the closing brace, and ends in a comma if there is a member: for readers that append members of
    /// their own, and the brace.
    #[must_use]
    pub fn left_open(mut self) -> Self {
        self.edits = self.edits.left_open();
        self
    }

    /// Opens the object that was opened before, or whichever is there now.
    async fn open(&self) -> Result<ArchiveReader, OpenError> {
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
            let rewriter = MemberRewriter::new(this.edits);
            Ok::<_, DocumentError>(Rewrite::new(archived, rewriter))
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
        Box::pin(ExactChunks::new(rest, self.chunk_size))
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
        let view = document.apart().left_open();
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
