use std::{
    error::Error,
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use object_store::path::Path;
use tokio::{io::AsyncWrite, time::Instant};

use super::{
    commit::{Commit, Receipt},
    error::{CommitError, WriteError, WriteErrorKind},
    multipart_upload::Upload,
    part_writer::PartWriter,
    tasks::{Tasks, until},
};
use crate::{
    codec::Codec,
    digest::{RawDocument, Sha256Hasher},
    digest_place,
    encoder::{EMPTY_CHUNKS_PER_POLL, Encoder},
    metadata::Nonce,
    settings::Shared,
};

/// How long a commit may take by default.
const RETRY_FOR: Duration = Duration::from_secs(120);

/// Writes one document into one object, which [`commit`](Self::commit) makes visible.
///
/// Created by [`Archive::create`](crate::Archive::create) for a raw document, and by
/// [`create_encoded`](crate::Archive::create_encoded) for one that is already encoded. Write the document through
/// [`AsyncWrite`], or pass a stream to [`send_all`](Self::send_all); then commit. Nothing else commits: `shutdown` only
/// writes the codec's trailer and ends the document.
///
/// # What the polls do
///
/// A write copies into a block of 32 KiB; a whole block of a stream's chunk is not copied. When the block is full, the next
/// write gives it to the codec, wakes its task and returns `Pending`. So one poll compresses at most 32 KiB, and the codec's
/// input is cut at the same offsets whatever the sizes of the writes. Writes wait while a part is full and as many parts as
/// allowed are in flight.
///
/// `flush` waits until every full part is stored. A part that is not full stays in memory, because no store would take it, and
/// so does what the codec holds back: flushing it would make the object depend on when `flush` is called
/// (`tokio::io::copy` calls it whenever its reader pauses).
///
/// # Cancel safety
///
/// A write that is pending has taken nothing; each async method has a section of its own. Dropping the writer leaves nothing
/// visible, and aborts the upload in a task on the runtime in which it was created;
/// [`Archive::settled`](crate::Archive::settled) waits for such tasks. Without a runtime, local stores still remove their
/// staging file, and remote ones keep the parts until a lifecycle rule removes them.
///
/// # Memory
///
/// (Parts in flight + 1) × the part size, 48 KiB around the codec, and the codec. An encoded document saves the codec and
/// 16 KiB.
pub struct ArchiveWriter {
    archive: Arc<Shared>,
    nonce: Nonce,
    tasks: Tasks,
    parts: PartWriter,
    codec: Codec,
    /// The bytes are an encoding, which is stored as it is.
    encoded: bool,
    /// A `send_all` began and has not come to the end of its stream.
    sending: bool,
    deadline: Option<Instant>,
}

impl ArchiveWriter {
    /// If the document is written `encoded`, its bytes are stored as they are. `document` is what is known of it so far.
    pub(crate) fn new(
        archive: Arc<Shared>,
        location: Path,
        codec: Codec,
        encoded: bool,
        document: Option<RawDocument>,
    ) -> Self {
        let settings = &archive.settings;
        let nonce = Nonce::new();
        let tasks = Tasks::current(archive.running.clone());
        let attributes = settings.attributes_of(codec, &nonce, document);
        let upload = Upload::new(&archive, location, attributes, tasks.clone());
        let part_size = settings.part_size;
        let mut encoder = if encoded {
            Encoder::pass_through(part_size)
        } else {
            Encoder::new(codec, part_size)
                .unwrap_or_else(|_| unreachable!("the builder refuses codecs that cannot be used"))
        };
        encoder.hasher = (settings.digest && !encoded).then(Sha256Hasher::default);
        Self {
            nonce,
            tasks,
            parts: PartWriter::new(encoder, part_size, upload),
            codec,
            encoded,
            sending: false,
            deadline: None,
            archive,
        }
    }

    /// Switches the SHA-256 off, whatever the archive's setting, if you have it from elsewhere and
    /// [commit with it](Self::commit_with). Forgets what was hashed so far.
    #[must_use]
    pub fn without_digest(mut self) -> Self {
        self.parts.encoder.hasher = None;
        self
    }

    /// Sets the deadline of [`commit`](Self::commit), which ends a little later if it has to clean up.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        let deadline = Some(deadline);
        Self { deadline, ..self }
    }

    /// Where the object will be.
    pub fn location(&self) -> &Path {
        &self.parts.upload.location
    }

    /// How the object is encoded. For a document that is already encoded, the level does not matter.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// How many bytes have been written so far, of the raw document or of its encoding.
    pub fn written_bytes(&self) -> u64 {
        self.parts.taken_bytes
    }

    /// Writes a whole stream, and returns its length.
    ///
    /// The stream continues the document after the last write or stream. While the stream is pending, parts in flight are
    /// still watched. Each poll compresses at most 32 KiB, then yields.
    ///
    /// # Errors
    ///
    /// [`WriteErrorKind::Source`] if the stream fails, another kind if the writer fails or has failed before. The document
    /// is not whole then and cannot be committed: abort or drop the writer.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future loses part of the stream. The writer then refuses to commit
    /// ([`WriteErrorKind::Unfinished`]).
    pub async fn send_all<S, E>(&mut self, stream: S) -> Result<u64, WriteError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        if self.sending {
            self.parts.fail(WriteErrorKind::Unfinished);
        }
        if let Some(failure) = &self.parts.failure {
            return Err(failure.clone());
        }
        self.sending = true;
        let before = self.written_bytes();
        let mut stream = pin!(stream);
        let mut chunk = Bytes::new();
        poll_fn(|cx| self.poll_send(cx, stream.as_mut(), &mut chunk, before)).await?;
        self.sending = false;
        Ok(self.written_bytes() - before)
    }

    fn poll_send<S, E>(
        &mut self,
        cx: &mut Context<'_>,
        mut stream: Pin<&mut S>,
        chunk: &mut Bytes,
        before: u64,
    ) -> Poll<Result<(), WriteError>>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        for _ in 0..EMPTY_CHUNKS_PER_POLL {
            while chunk.has_remaining() {
                let taken = self
                    .parts
                    .poll_take(cx, |encoder| encoder.take_chunk(chunk));
                ready!(taken)?;
            }
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(next))) => *chunk = next,
                Poll::Ready(Some(Err(error))) => {
                    let sent = self.written_bytes() - before;
                    let source = error.into().into();
                    let failure = self.parts.fail(WriteErrorKind::Source { sent, source });
                    return Poll::Ready(Err(failure));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    self.parts.poll_progress(cx)?;
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ends the document and makes the object visible.
    ///
    /// Finishes the codec, sends the rest, then makes the one request that makes the object visible: a PUT if everything fits
    /// in one part, otherwise the completion of the multipart upload. If the answer does not say whether that was done, it
    /// looks at the object. It repeats a failed PUT until the [deadline](Self::until), after pauses of 0.1 to 5 s, if that may
    /// help; the store's client retries the other requests, as its `retry` setting says. A little before the deadline, it
    /// looks for the last time.
    ///
    /// # Errors
    ///
    /// The first cause of failure. With [`CommitError::Unknown`] and [`CommitError::Lost`], the whole object may be visible.
    /// Otherwise nothing is, and the upload was aborted or the error says why not.
    ///
    /// A document that was written [encoded](crate::Archive::create_encoded) needs
    /// [`commit_with`](Self::commit_with), and fails here with [`WriteErrorKind::UnknownLength`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the last request is the same as dropping the writer: nothing is left. From then on, a task
    /// finishes the commit, or cleans up if it fails: nothing or the whole object is left. Without a runtime, dropping it
    /// during the completion may leave an upload as well.
    pub async fn commit(self) -> Result<Receipt, CommitError> {
        self.commit_described(None).await
    }

    /// As [`commit`](Self::commit), with the length and the digest of the raw document.
    ///
    /// They go into the metadata of a single PUT, into the receipt, and into the comparison with an object that is there
    /// already. The writer compares them with what it knows itself: the length of a raw document, and its digest unless
    /// [switched off](Self::without_digest).
    ///
    /// You answer for the rest: an object with a wrong digest cannot be read back. Without a digest, no object is
    /// recognised as the same encoded document.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit), and [`WriteErrorKind::Length`] or [`WriteErrorKind::Digest`] if what was written cannot
    /// be that document.
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_with(self, document: RawDocument) -> Result<Receipt, CommitError> {
        self.commit_described(Some(document)).await
    }

    async fn commit_described(
        mut self,
        document: Option<RawDocument>,
    ) -> Result<Receipt, CommitError> {
        let location = self.location().clone();
        if self.sending {
            self.parts.fail(WriteErrorKind::Unfinished);
        }
        let limit = self.archive.settings.retry_for;
        let limit = limit.map(|limit| Instant::now() + limit);
        let deadline = self.deadline.into_iter().chain(limit).min();
        let deadline = deadline.unwrap_or_else(|| Instant::now() + RETRY_FOR);
        let finished = until(deadline, poll_fn(|cx| self.parts.poll_finish(cx))).await;
        let finished = finished.unwrap_or_else(|| Err(self.parts.fail(WriteErrorKind::Late)));
        let closed = match finished.and_then(|()| self.document(document)) {
            Ok(document) => {
                let mut trailer = digest_place::trailer(self.codec.kind(), document);
                let closing = poll_fn(|cx| self.parts.poll_close(cx, &mut trailer));
                let closed = until(deadline, closing).await;
                let closed = closed.unwrap_or_else(|| Err(self.parts.fail(WriteErrorKind::Late)));
                closed.map(|()| document)
            }
            Err(cause) => Err(cause),
        };
        let document = match closed {
            Ok(document) => document,
            Err(cause) => {
                let clean_up = self.parts.upload.clean_up().await.err().map(Box::new);
                return Err(CommitError::Write { cause, clean_up });
            }
        };
        let (upload, payload) = self.parts.into_upload();
        let is_described = self.archive.settings.keeps_attributes() && !upload.has_started();
        let digest_beside = digest_place::beside(self.codec.kind(), &location);
        let digest_beside = digest_beside.filter(|_| !is_described);
        let commit = Arc::new(Commit {
            archive: self.archive,
            digest_beside,
            location: location.clone(),
            codec: self.codec,
            nonce: self.nonce,
            document,
            stored_bytes: upload.stored_bytes + payload.content_length() as u64,
            parts: upload.parts.max(1),
            deadline,
            last_look: Commit::last_look(deadline),
        });
        let running = Arc::clone(&commit).run(upload, payload);
        let committed = self.tasks.spawn_to_end(running);
        match until(commit.answered_by(), committed).await {
            Some(Ok(committed)) => committed,
            Some(Err(source)) => Err(CommitError::Lost { location, source }),
            None => commit.overdue().await,
        }
    }

    /// Gives up the object and leaves nothing of it in the store.
    ///
    /// Waits for the parts in flight before it aborts, for 10 s at most if the store is remote: a part that arrives after the
    /// abort may stay for ever.
    ///
    /// # Errors
    ///
    /// If the store does not abort the upload. Nothing is visible, but its parts may stay stored.
    ///
    /// # Cancel safety
    ///
    /// If there is a runtime, the clean-up goes on in a task when the future is dropped.
    pub async fn abort(self) -> Result<(), WriteError> {
        self.parts.upload.clean_up().await
    }

    /// What this writer and its caller know of the raw document.
    fn document(&self, described: Option<RawDocument>) -> Result<RawDocument, WriteError> {
        let refuse = |kind| Err(WriteError::new(self.location(), kind));
        let written_bytes = self.written_bytes();
        let hasher = &self.parts.encoder.hasher;
        let computed = hasher.as_ref().map(Sha256Hasher::finish);
        let document = match described {
            Some(document) => document,
            None if self.encoded => {
                return refuse(WriteErrorKind::UnknownLength);
            }
            None => RawDocument::new(written_bytes),
        };
        let may_be = if self.encoded && self.codec != Codec::Identity {
            // Every codec has a header or a trailer.
            written_bytes > 0
        } else {
            written_bytes == document.bytes
        };
        if !may_be {
            return refuse(WriteErrorKind::Length {
                raw_bytes: document.bytes,
                written_bytes,
            });
        }
        match (document.sha256, computed) {
            (Some(expected), Some(actual)) if expected != actual => {
                refuse(WriteErrorKind::Digest { expected, actual })
            }
            (sha256, computed) => Ok(RawDocument {
                sha256: sha256.or(computed),
                ..document
            }),
        }
    }
}

impl fmt::Debug for ArchiveWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveWriter")
            .field("location", self.location())
            .field("written_bytes", &self.written_bytes())
            .field("failure", &self.parts.failure)
            .finish_non_exhaustive()
    }
}

impl AsyncWrite for ArchiveWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let parts = &mut self.get_mut().parts;
        let take = |encoder: &mut Encoder| buffers.iter().map(|buffer| encoder.take(buffer)).sum();
        parts.poll_take(cx, take).map_err(io::Error::from)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let parts = &mut self.get_mut().parts;
        parts.poll_flushed(cx).map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let parts = &mut self.get_mut().parts;
        ready!(parts.poll_finish(cx))?;
        parts.poll_flushed(cx).map_err(io::Error::from)
    }
}
