use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use object_store::{PutMultipartOptions, path::Path};
use tokio::io::AsyncWrite;

use super::{
    abort_on_drop::AbortOnDrop,
    background::{Background, Task},
    commit::Commit,
    compressor::{Compressor, Progress},
    part_buffer::PartBuffer,
    part_schedule::part_bytes,
    receipt::Receipt,
    upload::Upload,
};
use crate::{
    AbortError, Archive, Codec, CommitError, WriteError,
    digest::Hasher,
    metadata::{self, AttributeSupport, Nonce, Whole},
};

/// Writes one document into one object, which [`commit`](Self::commit) makes visible.
///
/// Made by [`Archive::create`]. Write the raw document to it as an [`AsyncWrite`], or hand it a
/// stream with [`send_all`](Self::send_all); then commit. Nothing else commits: neither `shutdown`,
/// which writes the codec's trailer and ends the document, nor dropping it.
///
/// # What the polls do
///
/// A write copies into a block of 16 KiB. When the block is full, the next write gives it to the
/// codec, wakes its task and returns `Pending`: so one poll compresses at most 16 KiB, and the codec's
/// input is cut at the same offsets whatever the sizes of the writes. When a part is full and as many
/// as allowed are in flight, writes wait.
///
/// `flush` waits until every full part is stored. What is short of a part stays in memory, since no
/// store would take it, and so does what the codec holds back, since forcing it out would make the
/// object depend on when somebody flushed ([`tokio::io::copy`] does whenever its reader pauses).
///
/// # Cancel safety
///
/// A write that is pending has taken nothing. For the rest see each method. Dropping the writer
/// leaves nothing visible and aborts the upload in a task on the runtime that was current when it was
/// made; [`Archive::settled`] waits for such tasks. Without a runtime, local stores still remove
/// their staging file, and remote ones keep the parts until a lifecycle rule removes them.
///
/// # Memory
///
/// (Parts in flight + 1) × the part size, the block of 16 KiB, and the codec.
#[derive(Debug)]
pub struct ArchiveWriter {
    archive: Archive,
    location: Path,
    nonce: Nonce,
    compressor: Compressor,
    part: PartBuffer,
    hasher: Hasher,
    raw_bytes: u64,
    upload: AbortOnDrop,
    background: Background,
    stage: Stage,
    failure: Option<WriteError>,
    /// Left behind when a poll panics.
    polling: bool,
    /// A `send_all` began and has not come to the end of its stream.
    pub(super) sending: bool,
    started: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Input is welcome.
    Writing,
    /// The codec is being finished.
    Finishing,
    /// The last part is on its way, if there are parts.
    Draining,
    /// Only the commit is missing.
    Closed,
}

impl ArchiveWriter {
    pub(crate) fn new(archive: Archive, location: Path, compressor: Compressor) -> Self {
        let settings = archive.settings();
        let nonce = Nonce::new();
        let background = Background::current(archive.running());
        let options = match settings.attributes {
            AttributeSupport::Kept => PutMultipartOptions {
                attributes: metadata::attributes(
                    settings.codec,
                    &settings.content_type,
                    &nonce,
                    None,
                ),
                ..Default::default()
            },
            AttributeSupport::Absent => PutMultipartOptions::default(),
        };
        let upload = Upload::new(
            archive.store(),
            location.clone(),
            options,
            settings.parts_in_flight,
            background.clone(),
        );
        let started = settings.clock.now();
        Self {
            nonce,
            compressor,
            part: PartBuffer::new(part_bytes(settings.part_size, 0)),
            hasher: Hasher::new(settings.digest, settings.clock.clone()),
            raw_bytes: 0,
            upload: AbortOnDrop::new(upload, background.clone()),
            background,
            stage: Stage::Writing,
            failure: None,
            polling: false,
            sending: false,
            started,
            archive,
            location,
        }
    }

    /// Where the object will be.
    pub fn location(&self) -> &Path {
        &self.location
    }

    /// How the object is encoded.
    pub fn codec(&self) -> Codec {
        self.archive.settings().codec
    }

    /// How many bytes of the document have been taken so far.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// How many encoded bytes there are so far, on their way to the store or waiting for their part
    /// to be full. What the codec holds back is not among them.
    pub fn encoded_bytes(&self) -> u64 {
        self.upload.get_ref().stored_bytes() + self.part.len() as u64
    }

    /// Ends the document and makes the object visible.
    ///
    /// Finishes the codec, sends what is left, then carries out the one request that makes the object
    /// visible: a PUT when it all fits in one part, else the completion of the multipart upload. An
    /// answer that leaves open whether that was done is settled by looking at the object.
    ///
    /// # Errors
    ///
    /// The first cause of failure. The variant says whether anything is visible: nothing but for
    /// [`CommitError::Unknown`] and [`CommitError::Lost`]. The upload has been aborted then, or the
    /// error says why not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the last request is dropping the writer: nothing is left. From
    /// then on, a task finishes the commit, or cleans up if it fails: nothing or the whole object is
    /// left. Without a runtime, dropping it while completing may leave an upload, too.
    pub async fn commit(mut self) -> Result<Receipt, CommitError> {
        if self.sending && self.failure.is_none() {
            self.failure = Some(WriteError::Unfinished {
                location: self.location.clone(),
            });
        }
        if let Err(cause) = poll_fn(|cx| self.poll_close(cx)).await {
            let clean_up = self.clean_up().await.err().map(Box::new);
            return Err(CommitError::Write { cause, clean_up });
        }
        let location = self.location.clone();
        self.start_commit()
            .await
            .unwrap_or_else(|source| Err(CommitError::Lost { location, source }))
    }

    /// Gives the object up and leaves nothing of it in the store.
    ///
    /// Waits for the parts in flight before it aborts: a part that arrives after the abort may stay
    /// for ever.
    ///
    /// # Errors
    ///
    /// When the store does not abort the upload. Nothing is visible, but its parts may stay stored.
    ///
    /// # Cancel safety
    ///
    /// The clean-up goes on in a task when the future is dropped, if there is a runtime.
    pub async fn abort(self) -> Result<(), AbortError> {
        self.clean_up().await
    }

    async fn clean_up(self) -> Result<(), AbortError> {
        let Self {
            upload, location, ..
        } = self;
        upload
            .clean_up()
            .await
            .map_err(|source| AbortError { location, source })
    }

    fn start_commit(self) -> Task<Result<Receipt, CommitError>> {
        let Self {
            mut part, hasher, ..
        } = self;
        let digest_time = hasher.busy();
        let whole = Whole {
            raw_bytes: self.raw_bytes,
            sha256: hasher.finish(),
        };
        let upload = self.upload.disarm();
        let commit = Commit {
            archive: self.archive,
            location: self.location,
            nonce: self.nonce,
            whole,
            stored_bytes: upload.stored_bytes() + part.len() as u64,
            digest_time,
            started: self.started,
        };
        self.background
            .start_detached(commit.run(upload, part.take(0)))
    }

    pub(super) fn failure(&self) -> Option<&WriteError> {
        self.failure.as_ref()
    }

    pub(super) fn fail(&mut self, error: WriteError) {
        self.failure.get_or_insert(error);
    }

    /// Takes some of `buffers`, which have at least one byte.
    pub(super) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize, WriteError>> {
        self.guarded(|this| {
            if this.stage != Stage::Writing {
                let location = this.location.clone();
                return Poll::Ready(Err(WriteError::Closed { location }));
            }
            if this.compressor.is_block_full() {
                this.upload.get_mut().poll_progress(cx)?;
                ready!(this.poll_encode(cx))?;
                // One block is enough for one poll: let other tasks run.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let taken = buffers
                .iter()
                .map(|buffer| this.compressor.stage(buffer))
                .sum();
            this.raw_bytes += taken as u64;
            if this.compressor.is_block_full() {
                this.hasher.update(this.compressor.staged());
            }
            Poll::Ready(Ok(taken))
        })
    }

    /// Learns of uploads that failed while there was nothing to write.
    pub(super) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Result<(), WriteError> {
        match self.guarded(|this| Poll::Ready(this.upload.get_mut().poll_progress(cx))) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Runs a step, keeps its failure, and notices on the next one if it panicked.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Poll<Result<T, WriteError>>,
    ) -> Poll<Result<T, WriteError>> {
        if std::mem::replace(&mut self.polling, true) {
            let location = self.location.clone();
            self.fail(WriteError::Panicked { location });
        }
        let polled = match &self.failure {
            Some(failure) => Poll::Ready(Err(failure.clone())),
            None => step(self),
        };
        self.polling = false;
        if let Poll::Ready(Err(failure)) = &polled {
            self.fail(failure.clone());
        }
        polled
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            if this.stage == Stage::Writing && this.compressor.is_block_full() {
                ready!(this.poll_encode(cx))?;
            }
            this.upload.get_mut().poll_drained(cx)
        })
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            if this.stage == Stage::Writing {
                if !this.compressor.is_block_full() {
                    this.hasher.update(this.compressor.staged());
                }
                this.stage = Stage::Finishing;
            }
            if this.stage == Stage::Finishing {
                ready!(this.poll_encode(cx))?;
                ready!(this.poll_finish(cx))?;
                this.stage = Stage::Draining;
            }
            if this.stage == Stage::Draining {
                if this.upload.get_ref().has_started() && this.part.len() > 0 {
                    ready!(this.poll_next_part(cx))?;
                }
                ready!(this.upload.get_mut().poll_drained(cx))?;
                this.stage = Stage::Closed;
            }
            Poll::Ready(Ok(()))
        })
    }

    fn poll_encode(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        while let Progress::PartFull = self
            .compressor
            .encode(&mut self.part)
            .map_err(|source| self.encoder_failed(source))?
        {
            ready!(self.poll_next_part(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        while let Progress::PartFull = self
            .compressor
            .finish(&mut self.part)
            .map_err(|source| self.encoder_failed(source))?
        {
            ready!(self.poll_next_part(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the part over as soon as there is room for it, and starts the next.
    fn poll_next_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        let upload = self.upload.get_mut();
        ready!(upload.poll_ready(cx))?;
        let next = part_bytes(self.archive.settings().part_size, upload.parts() + 1);
        Poll::Ready(upload.start_part(self.part.take(next)))
    }

    fn encoder_failed(&self, source: io::Error) -> WriteError {
        WriteError::Encode {
            location: self.location.clone(),
            source: source.into(),
        }
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
        self.get_mut()
            .poll_take(cx, buffers)
            .map_err(io::Error::from)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flushed(cx).map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close(cx).map_err(io::Error::from)
    }
}
