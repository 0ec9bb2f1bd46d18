use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use archive_sink::Archive;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::exact_chunks::ExactChunks;
use super::member_rewriter::MemberRewriter;
use super::rewrite::Rewrite;
use super::skip::Skip;
use crate::document::{DigestCell, Document, DocumentDigest, DocumentError, DocumentStream};

/// An archived auction as a document: read, decompressed and, where members are set anew, rewritten as it is sent.
///
/// Every production reads the object again; memory is constant. Producing from an offset decompresses what lies
/// before it, too.
#[derive(Clone, Debug)]
pub struct ArchivedDocument {
    archive: Archive,
    name: String,
    members: Arc<[(String, Bytes)]>,
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
            members: Arc::new([]),
            chunk_size: chunked_writer::DEFAULT_CHUNK_SIZE,
            produced: Arc::default(),
            archived: DigestCell::default(),
        }
    }

    /// Replaces top-level members on the way, or appends them: pairs of a name and a value's JSON text. Of two with the
    /// same name, the last counts.
    #[must_use]
    pub fn with_members(mut self, members: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let mut kept: Vec<(String, Bytes)> = Vec::new();
        for (name, value) in members {
            match kept.iter_mut().find(|(other, _)| *other == name) {
                Some((_, replaced)) => *replaced = value,
                None => kept.push((name, value)),
            }
        }
        self.members = kept.into();
        self
    }
}

impl Document for ArchivedDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let this = self.clone();
        let opened = async move {
            let reader = this
                .archive
                .open(&this.name)
                .await
                .map_err(DocumentError::new)?;
            let archived = this.archived.follow(reader.map_err(DocumentError::new));
            let rewriter = MemberRewriter::new(this.members.iter().cloned());
            let produced = Arc::clone(&this.produced);
            let rewritten = Rewrite::new(archived, rewriter).inspect_ok(move |piece| {
                produced.fetch_add(piece.len() as u64, Ordering::Relaxed);
            });
            Ok::<_, DocumentError>(ExactChunks::new(
                Skip::new(rewritten, offset),
                this.chunk_size,
            ))
        };
        Box::pin(stream::once(Box::pin(opened)).try_flatten().boxed())
    }

    fn bytes_produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    fn origin(&self) -> Option<DocumentDigest> {
        self.archived.get()
    }
}
