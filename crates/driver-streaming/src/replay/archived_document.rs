use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use archive_sink::Archive;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::exact_chunks::ExactChunks;
use super::member_edits::MemberEdits;
use super::member_rewriter::MemberRewriter;
use super::rewrite::Rewrite;
use crate::auction::{LIQUIDITY, Omission};
use crate::document::{
    DigestCell, Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture, Skip,
};

/// An archived auction as a document: read, decompressed and, where members are changed, rewritten as it is sent.
///
/// Every production reads the object again; memory is constant. Producing from an offset decompresses what lies
/// before it, too.
#[derive(Clone, Debug)]
pub struct ArchivedDocument {
    archive: Archive,
    name: String,
    edits: MemberEdits,
    chunk_size: NonZeroUsize,
    produced: Arc<AtomicU64>,
    archived: DigestCell,
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
            archived: DigestCell::default(),
        }
    }

    /// Replaces top-level members on the way, or appends them: pairs of a name and a value's JSON text. Of two with the
    /// same name, the last counts.
    #[must_use]
    pub fn with_members(mut self, members: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        self.edits = self.edits.replace(members);
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

    /// The document's bytes from its beginning, in pieces of any size.
    fn pieces(&self) -> impl Stream<Item = Result<Bytes, DocumentError>> + Send + use<> {
        let this = self.clone();
        let opened = async move {
            let reader = this
                .archive
                .open(&this.name)
                .await
                .map_err(DocumentError::new)?;
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
        let rest = Skip::new(pieces.boxed(), offset);
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
