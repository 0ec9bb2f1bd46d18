//! A document on disk: checked once, while it arrives or before it is sent, and then read by every branch.
//!
//! ```text
//! request body, standard input, archive ─► DiskWriter ─► a file without a name ─┬─► DiskDocument ─► productions
//!                                           a regular file, checked as it is ───┘
//! ```
//!
//! The newest 1 MiB of what arrives is also in memory, for productions that are near.
//!
//! A document without edits is sent byte for byte. Edits drop the white space around members.
//!
//! [`Broken::Mistake`] and [`Broken::TooLong`] are the fault of whoever fills the [`DiskWriter`], and [`Broken::File`] is this
//! machine's.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
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

/// How many chunks are read at once, if as many have arrived.
const CHUNKS_AT_ONCE: u64 = 4;

/// How many bytes of a file are checked at once.
const CHECKED_AT_ONCE: u64 = 256 * 1024;

/// A JSON object in a file that can be read while it arrives. Cheap to clone.
///
/// A production that has read everything that has arrived waits for more. It ends when all of one JSON object has arrived. If
/// the document fails, so does the production, after the chunks that had arrived. Memory does not depend on the document's size.
///
/// Needs a tokio runtime: what is only in the file is read by its threads for blocking work.
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

    /// A document of at most `limit` bytes that arrives in a temporary file. The file has no name, so nothing is left of it
    /// however the program ends.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn arriving(limit: u64) -> io::Result<(DiskWriter, Self)> {
        let file = Arc::new(DiskFile::new(tempfile::tempfile()?, None));
        Ok((DiskWriter::new(Arc::clone(&file), limit), Self::of(file)))
    }

    /// The file at `path`. A regular file is checked and read where it is: all productions fail once its length or modification
    /// time has changed. Anything else, such as a pipe, is copied to a temporary file.
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
        let file = Arc::new(DiskFile::new(file, Some(&metadata)));
        let checked = Arc::clone(&file);
        let check = blocking(move || {
            let mut check = AuctionCheck::default();
            for at in (0..length).step_by(CHECKED_AT_ONCE as usize) {
                let mut bytes = Vec::new();
                let read = checked.read(at..length.min(at + CHECKED_AT_ONCE), &mut bytes);
                checked.check_unchanged()?;
                read?;
                checked.admit(&mut check, bytes.into())?;
            }
            checked.end(check.finish().map_err(Broken::from))
        });
        check.await?;
        Ok(Self::of(file))
    }

    /// Everything that `reader` yields, in a temporary file.
    ///
    /// If the future is dropped, a thread may stay until `reader` has something to read.
    ///
    /// # Errors
    /// When `reader` fails or yields more than `limit` bytes, or if they are not one whole JSON object.
    pub async fn read(mut reader: impl Read + Send + 'static, limit: u64) -> Result<Self, Broken> {
        let (mut writer, document) = Self::arriving(limit)?;
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

    /// The document with these edits. What is produced of it is counted separately.
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

    /// Says that it was made from the document that `digest` follows.
    #[must_use]
    pub(crate) fn with_origin(mut self, digest: SharedDigest) -> Self {
        self.origin = Some(digest);
        self
    }

    /// The auction's own id: the member `id` as soon as it has arrived, else `metadata.auction_id` once all members have. `None`
    /// if there is neither, if it is no valid id, or if the document fails first.
    pub fn id(&self) -> impl Future<Output = Option<AuctionId>> + Send + use<> {
        self.known(|arrival| arrival.members.id()?.as_ref().ok().cloned())
    }

    /// The id, as far as it is known now.
    ///
    /// # Errors
    /// When the id is neither a string nor an integer, or is no [`AuctionId`].
    pub(crate) fn id_so_far(&self) -> Result<Option<AuctionId>, DocumentMistake> {
        let arrival = self.file.arrival();
        let id = arrival.borrow().members.id().cloned();
        id.transpose()
    }

    /// The member `deadline` as soon as it has arrived, if it is a string with a time of RFC 3339.
    pub fn deadline(&self) -> impl Future<Output = Option<Timestamp>> + Send + use<> {
        self.known(|arrival| arrival.members.deadline)
    }

    /// Waits until something is known, or until it cannot become known any more.
    fn known<T>(
        &self,
        look: fn(&Arrival) -> Option<T>,
    ) -> impl Future<Output = Option<T>> + Send + use<T> {
        // Holds the file, which has the sender.
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
            chunks: Bytes::new(),
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
                // The sender is in the file, which is held.
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
    /// How many bytes are still to be skipped.
    skipped: u64,
    /// What to read next, and how many bytes that is.
    pieces: VecDeque<Piece>,
    length: u64,
    chunk_size: usize,
    /// The next chunks, which have been read.
    chunks: Bytes,
}

impl Production {
    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.chunks.is_empty() {
            let chunk = self.chunk_size as u64;
            let is_last = loop {
                let is_last = self.collect(chunk * CHUNKS_AT_ONCE)?;
                if is_last || self.length >= chunk {
                    break is_last;
                }
                // The sender is in the file, which is held.
                let _changed = self.arrival.changed().await;
            };
            let mut pieces = Vec::new();
            let blocks = self.take(chunk, &mut pieces);
            if blocks {
                let more = self.length.min(chunk * (CHUNKS_AT_ONCE - 1));
                let cut = if is_last { 0 } else { more % chunk };
                self.take(more - cut, &mut pieces);
            }
            self.chunks = self.read(pieces, blocks).await?;
        }
        let length = self.chunks.len().min(self.chunk_size);
        Ok((length > 0).then(|| self.chunks.split_to(length)))
    }

    /// Collects pieces that are known, until they have `most` bytes. Returns whether they are the last.
    fn collect(&mut self, most: u64) -> Result<bool, Broken> {
        let arrival = self.arrival.borrow_and_update();
        while self.length < most {
            let Some(mut piece) = self.edited.next(&arrival.members, arrival.readable) else {
                // Less than a chunk before a failure would look like the end.
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

    /// Takes the pieces of the next `length` bytes, or of all that are known. Returns whether some of `taken` is in the file.
    fn take(&mut self, length: u64, taken: &mut Vec<Piece>) -> bool {
        let mut left = length.min(self.length);
        self.length -= left;
        let arrival = self.arrival.borrow();
        while let Some(piece) = self.pieces.front_mut().filter(|_| left > 0) {
            let first = piece.split_to(left.min(piece.length()));
            if piece.length() == 0 {
                self.pieces.pop_front();
            }
            left -= first.length();
            match first {
                Piece::Original(bytes) => arrival.find(bytes, taken),
                text => taken.push(text),
            }
        }
        let mut taken = taken.iter();
        taken.any(|piece| matches!(piece, Piece::Original(_)))
    }

    /// Joins these pieces. A thread for blocking work reads those of the file.
    async fn read(&self, mut pieces: Vec<Piece>, blocks: bool) -> Result<Bytes, Broken> {
        if let [Piece::Text(text)] = &mut pieces[..] {
            return Ok(std::mem::take(text));
        }
        let length = pieces.iter().map(Piece::length).sum::<u64>();
        let file = Arc::clone(&self.file);
        let join = move || {
            let mut bytes = Vec::with_capacity(length as usize);
            let read = pieces.into_iter().try_for_each(|piece| match piece {
                Piece::Text(text) => bytes.write_all(&text),
                Piece::Original(range) => file.read(range, &mut bytes),
            });
            file.check_unchanged()?;
            read?;
            Ok(bytes.into())
        };
        if blocks {
            return blocking(join).await;
        }
        join()
    }
}
