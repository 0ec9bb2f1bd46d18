//! A document on disk: checked once, while it arrives or before it is sent, and read by all who are sent it.
//!
//! ```text
//! request body, standard input, archive ─► DiskWriter ─► a file without a name ─┬─► DiskDocument ─► productions
//!                                           a regular file, checked as it is ───┘
//! ```
//!
//! A document without edits is sent byte for byte. In one that is edited, white space around members is dropped.
//!
//! Whoever fills a [`DiskWriter`] answers for what is wrong: [`Broken::Mistake`] and [`Broken::TooLong`] are the sender's,
//! [`Broken::File`] is this machine's.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use driver_streaming::{
    AuctionId, Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture, SharedDigest,
};
use futures_util::{TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::auction_members::AuctionCheck;
use crate::disk_file::{Arrival, Broken, DiskFile, DiskWriter, blocking};
use crate::json_scanner::DocumentMistake;
use crate::member_edits::{EditedPieces, MemberEdits, Piece};

/// How many chunks are read at once, if they are there.
const CHUNKS_AT_ONCE: usize = 4;

/// How many bytes of a file are checked at once.
const CHECKED_AT_ONCE: u64 = 256 * 1024;

/// A JSON object in a file, which can be read while it arrives. Cheap to clone.
///
/// A production that comes to the end of what has arrived waits for more. It ends when all has arrived and is one whole JSON
/// object; where that will not be, it fails after the chunks that are there. Memory does not depend on the document's size.
///
/// Needs a tokio runtime: the file is read by its threads for blocking work.
#[derive(Clone, Debug)]
pub struct DiskDocument {
    file: Arc<DiskFile>,
    edits: Option<Arc<MemberEdits>>,
    chunk_size: NonZeroUsize,
    origin: Option<SharedDigest>,
}

impl DiskDocument {
    fn of(file: Arc<DiskFile>) -> Self {
        Self {
            file,
            edits: None,
            chunk_size: chunked_writer::DEFAULT_CHUNK_SIZE,
            origin: None,
        }
    }

    /// A document that arrives in a temporary file, of at most `limit` bytes. The file has no name: nothing is left of it,
    /// however the program ends.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn arriving(limit: u64) -> io::Result<(DiskWriter, Self)> {
        let file = Arc::new(DiskFile::arriving()?);
        Ok((DiskWriter::new(Arc::clone(&file), limit), Self::of(file)))
    }

    /// The file at `path`. A regular one is checked where it is, and not copied: all productions fail once its length or
    /// its time of modification is another. What comes from a pipe is kept in a temporary file.
    ///
    /// # Errors
    /// When the file cannot be read, is longer than `limit`, or is not one whole JSON object.
    pub async fn open(path: PathBuf, limit: u64) -> Result<Self, Broken> {
        let opened = blocking(move || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = opened.await?;
        if !metadata.is_file() {
            return Self::read(file, limit).await;
        }
        let length = metadata.len();
        if length > limit {
            return Err(Broken::TooLong(limit));
        }
        let file = Arc::new(DiskFile::of_others(file, &metadata));
        let (mut check, mut at) = (AuctionCheck::new(), 0);
        while at < length {
            let source = Arc::clone(&file);
            let size = CHECKED_AT_ONCE.min(length - at);
            let checked = blocking(move || {
                let mut bytes = vec![0; size as usize];
                let read = source.read_at(&mut bytes, at);
                source.check_unchanged()?;
                read?;
                source.admit(&mut check, &bytes)?;
                Ok(check)
            });
            check = checked.await?;
            at += size;
        }
        file.end(check.finish().map_err(Broken::from))?;
        Ok(Self::of(file))
    }

    /// All that `reader` yields, kept in a temporary file.
    ///
    /// Dropped before it is ready, it leaves a thread that waits until there is something to read.
    ///
    /// # Errors
    /// When `reader` fails or yields more than `limit` bytes, or if they are not one whole JSON object.
    pub async fn read(reader: impl Read + Send + 'static, limit: u64) -> Result<Self, Broken> {
        let (mut writer, document) = Self::arriving(limit)?;
        let mut reader = reader;
        loop {
            let size = chunked_writer::DEFAULT_CHUNK_SIZE.get();
            let read = blocking(move || {
                let mut bytes = Vec::with_capacity(size);
                reader.by_ref().take(size as u64).read_to_end(&mut bytes)?;
                Ok((reader, bytes))
            });
            let bytes;
            (reader, bytes) = read.await?;
            if bytes.is_empty() {
                writer.finish()?;
                return Ok(document);
            }
            writer.write(bytes.into()).await?;
        }
    }

    /// The same bytes, changed as `edits` say: a document of its own.
    #[must_use]
    pub fn with_edits(&self, edits: MemberEdits) -> Self {
        Self {
            edits: (!edits.is_nothing()).then(|| Arc::new(edits)),
            ..self.clone()
        }
    }

    /// The size of every chunk but the last, in bytes: 64 KiB by default.
    #[must_use]
    pub fn with_chunk_size(mut self, size: NonZeroUsize) -> Self {
        self.chunk_size = size;
        self
    }

    /// Made from the document that `digest` follows.
    #[must_use]
    pub(crate) fn with_origin(mut self, digest: SharedDigest) -> Self {
        self.origin = Some(digest);
        self
    }

    /// The id that the auction gives itself: the member `id`, as soon as it is there, else `metadata.auction_id`, when all
    /// members are. `None` if there is neither, and if it cannot be one or the document breaks off first.
    pub fn id(&self) -> impl Future<Output = Option<AuctionId>> + Send + use<> {
        self.known(|arrival| arrival.members.id()?.as_ref().ok().cloned())
    }

    /// What is known of the id now.
    ///
    /// # Errors
    /// When there is one that is neither a string nor an integer, or that is no [`AuctionId`].
    pub(crate) fn id_so_far(&self) -> Result<Option<AuctionId>, DocumentMistake> {
        let arrival = self.file.arrival();
        let id = arrival.borrow().members.id().cloned();
        id.transpose()
    }

    /// The member `deadline` as soon as it is there, if it is a string with a time as RFC 3339 has it.
    pub fn deadline(&self) -> impl Future<Output = Option<Timestamp>> + Send + use<> {
        self.known(|arrival| arrival.members.deadline())
    }

    /// Waits until something is known, or is known never to be.
    fn known<T>(
        &self,
        look: fn(&Arrival) -> Option<T>,
    ) -> impl Future<Output = Option<T>> + Send + use<T> {
        // The document is held, so that what is waited for is not dropped.
        let (file, mut arrival) = (Arc::clone(&self.file), self.file.arrival());
        async move {
            let is_known = |arrival: &Arrival| {
                look(arrival).is_some() || arrival.members.are_all || arrival.end.is_some()
            };
            let known = arrival.wait_for(is_known).await;
            let found = known.ok().and_then(|arrival| look(&arrival));
            drop(file);
            found
        }
    }

    fn production(&self, offset: u64) -> Production {
        Production {
            file: Arc::clone(&self.file),
            arrival: self.file.arrival(),
            edited: EditedPieces::new(self.edits.clone()),
            skipped: offset,
            pieces: VecDeque::new(),
            length: 0,
            chunk_size: self.chunk_size.get(),
            chunks: VecDeque::new(),
        }
    }
}

impl Document for DiskDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let chunks = stream::try_unfold(self.production(offset), |mut production| async move {
            let chunk = production.next().await?;
            Ok(chunk.map(|chunk| (chunk, production)))
        });
        Box::pin(chunks.map_err(|broken: Broken| DocumentError::new(broken)))
    }

    fn length(&self) -> LengthFuture {
        let mut production = self.production(0);
        Box::pin(async move {
            while !production.collect(u64::MAX).map_err(DocumentError::new)? {
                let failed = production.arrival.borrow().failure();
                failed.map_err(DocumentError::new)?;
                // What it waits for is held by its file.
                let _changed = production.arrival.changed().await;
            }
            Ok(production.length)
        })
    }

    fn origin(&self) -> Option<DocumentDigest> {
        self.origin.as_ref()?.get()
    }
}

/// One run through a document.
struct Production {
    file: Arc<DiskFile>,
    arrival: watch::Receiver<Arrival>,
    edited: EditedPieces,
    /// How many bytes are to be left out.
    skipped: u64,
    /// What is to be read next, so many bytes.
    pieces: VecDeque<Piece>,
    length: u64,
    chunk_size: usize,
    /// What has been read.
    chunks: VecDeque<Bytes>,
}

impl Production {
    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Ok(Some(chunk));
        }
        let most = (self.chunk_size * CHUNKS_AT_ONCE) as u64;
        let is_last = loop {
            let is_last = self.collect(most)?;
            if is_last || self.length >= self.chunk_size as u64 {
                break is_last;
            }
            // What it waits for is held by its file.
            let _changed = self.arrival.changed().await;
        };
        let mut chunks = Vec::new();
        while chunks.len() < CHUNKS_AT_ONCE && self.length > 0 {
            let length = (self.chunk_size as u64).min(self.length);
            if length < self.chunk_size as u64 && !is_last {
                break;
            }
            chunks.push(self.take(length));
        }
        let file = Arc::clone(&self.file);
        let read = blocking(move || {
            let chunks = chunks.into_iter().map(|pieces| read(&file, &pieces));
            let chunks = chunks.collect::<io::Result<VecDeque<_>>>();
            file.check_unchanged()?;
            Ok(chunks?)
        });
        self.chunks = read.await?;
        Ok(self.chunks.pop_front())
    }

    /// Notes which pieces are known, until they have `most` bytes. Says whether these are the last.
    fn collect(&mut self, most: u64) -> Result<bool, Broken> {
        let arrival = self.arrival.borrow_and_update();
        while self.length < most {
            let Some(mut piece) = self.edited.next(&arrival.members, arrival.readable) else {
                // Bytes short of a chunk, before a failure, could be taken for the end.
                if self.length < self.chunk_size as u64 {
                    arrival.failure()?;
                }
                let is_last = matches!(arrival.end, Some(Ok(()))) && self.edited.are_over();
                if is_last && self.skipped > 0 {
                    return Err(Broken::Shorter(self.skipped));
                }
                return Ok(is_last);
            };
            let skipped = self.skipped.min(piece.length());
            piece.split_to(skipped);
            self.skipped -= skipped;
            self.length += piece.length();
            if piece.length() > 0 {
                self.pieces.push_back(piece);
            }
        }
        Ok(false)
    }

    /// Takes the next `length` bytes off what is to be read.
    fn take(&mut self, length: u64) -> Vec<Piece> {
        let (mut taken, mut left) = (Vec::new(), length);
        while let Some(piece) = self.pieces.front_mut().filter(|_| left > 0) {
            let first = piece.split_to(left.min(piece.length()));
            if piece.length() == 0 {
                self.pieces.pop_front();
            }
            left -= first.length();
            taken.push(first);
        }
        self.length -= length;
        taken
    }
}

/// Reads one chunk. Blocks.
fn read(file: &DiskFile, pieces: &[Piece]) -> io::Result<Bytes> {
    let length: u64 = pieces.iter().map(Piece::length).sum();
    let mut chunk = vec![0; length as usize];
    let mut left = &mut chunk[..];
    for piece in pieces {
        let (part, rest) = left.split_at_mut(piece.length() as usize);
        match piece {
            Piece::Text(text) => part.copy_from_slice(text),
            Piece::Original(range) => file.read_at(part, range.start)?,
        }
        left = rest;
    }
    Ok(chunk.into())
}
