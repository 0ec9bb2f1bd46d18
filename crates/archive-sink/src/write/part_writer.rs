use std::{
    io,
    task::{Context, Poll, ready},
};

use object_store::PutPayload;

use super::{
    error::{WriteError, WriteErrorKind},
    multipart_upload::Upload,
    part_size::part_bytes,
};
use crate::{
    digest::{Sha256Digest, Sha256Hasher},
    encode::{
        block_buffer::BlockBuffer,
        compressor::{Compressor, Progress},
    },
};

/// The writer's state machine: input to block, block to codec, codec to part, part to store.
///
/// It keeps its first failure and does nothing after it.
pub(crate) struct PartWriter {
    compressor: Compressor,
    /// `None` when nobody wants a digest of it.
    pub(crate) hasher: Option<Sha256Hasher>,
    part: BlockBuffer,
    part_size: usize,
    pub(crate) upload: Upload,
    /// How many bytes have been taken.
    pub(crate) taken_bytes: u64,
    stage: Stage,
    pub(crate) failure: Option<WriteError>,
    /// Left behind when a poll panics.
    polling: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Input is welcome.
    Writing,
    /// The codec is being finished.
    Finishing,
    /// The codec is finished. A trailer may follow; then the last part is on its way, if there are parts.
    Draining,
    /// Only the commit is missing.
    Closed,
}

impl PartWriter {
    pub(crate) fn new(
        compressor: Compressor,
        digest: bool,
        part_size: usize,
        upload: Upload,
    ) -> Self {
        Self {
            compressor,
            hasher: digest.then(Sha256Hasher::default),
            part: BlockBuffer::new(part_bytes(part_size, 0)),
            part_size,
            upload,
            taken_bytes: 0,
            stage: Stage::Writing,
            failure: None,
            polling: false,
        }
    }

    /// The SHA-256 of what was taken, when all of it has been given to the codec.
    pub(crate) fn digest(&self) -> Option<Sha256Digest> {
        self.hasher.as_ref().map(Sha256Hasher::finish)
    }

    fn hash_block(&mut self) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(self.compressor.staged());
        }
    }

    /// Fails, unless it has failed before. Returns the first failure.
    pub(crate) fn fail(&mut self, kind: WriteErrorKind) -> WriteError {
        let failure = || WriteError::new(&self.upload.location, kind);
        self.failure.get_or_insert_with(failure).clone()
    }

    /// Gives out an upload that is about to be completed, and the rest that no part has: after
    /// [`poll_close`](Self::poll_close), that is the whole object or nothing.
    pub(crate) fn into_upload(mut self) -> (Upload, PutPayload) {
        (self.upload, self.part.take(0))
    }

    /// Takes as much input as `stage` gives the compressor, which is at least one byte.
    pub(crate) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        stage: impl FnOnce(&mut Compressor) -> usize,
    ) -> Poll<Result<usize, WriteError>> {
        self.guarded(|this| {
            if this.stage != Stage::Writing {
                return Poll::Ready(Err(WriteErrorKind::Closed));
            }
            if this.compressor.is_block_full() {
                this.upload.poll_progress(cx)?;
                ready!(this.poll_compressor(cx, Compressor::encode))?;
                // One block is enough for one poll: let other tasks run.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let taken = stage(&mut this.compressor);
            this.taken_bytes += taken as u64;
            if this.compressor.is_block_full() {
                this.hash_block();
            }
            Poll::Ready(Ok(taken))
        })
    }

    /// Learns of uploads that failed while there was nothing to write.
    pub(crate) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Result<(), WriteError> {
        match self.guarded(|this| Poll::Ready(this.upload.poll_progress(cx))) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Runs a step, keeps its failure, and notices on the next one if it panicked.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Poll<Result<T, WriteErrorKind>>,
    ) -> Poll<Result<T, WriteError>> {
        if std::mem::replace(&mut self.polling, true) {
            self.fail(WriteErrorKind::Panicked);
        }
        if let Some(failure) = &self.failure {
            self.polling = false;
            return Poll::Ready(Err(failure.clone()));
        }
        let polled = step(self);
        self.polling = false;
        polled.map_err(|kind| self.fail(kind))
    }

    pub(crate) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            if this.stage == Stage::Writing && this.compressor.is_block_full() {
                ready!(this.poll_compressor(cx, Compressor::encode))?;
            }
            this.upload.poll_drained(cx)
        })
    }

    /// Ends the document: finishes the codec, and waits until every full part is stored.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        ready!(self.poll_finish(cx))?;
        self.poll_flushed(cx)
    }

    /// Ends the document and finishes the codec.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            if this.stage == Stage::Writing {
                if !this.compressor.is_block_full() {
                    this.hash_block();
                }
                this.stage = Stage::Finishing;
            }
            if this.stage == Stage::Finishing {
                ready!(this.poll_compressor(cx, Compressor::encode))?;
                ready!(this.poll_compressor(cx, Compressor::finish))?;
                this.stage = Stage::Draining;
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Has the object end with `trailer`, of which it takes all, and waits until every part is stored, if
    /// there are parts. Only after [`poll_finish`](Self::poll_finish).
    pub(crate) fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        trailer: &mut Vec<u8>,
    ) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            if this.stage == Stage::Draining {
                while !trailer.is_empty() {
                    if this.part.is_full() {
                        ready!(this.poll_next_part(cx))?;
                    }
                    let written = this.part.copy(trailer);
                    trailer.drain(..written);
                }
                if this.upload.has_started() && this.part.len() > 0 {
                    ready!(this.poll_next_part(cx))?;
                }
                ready!(this.upload.poll_drained(cx))?;
                this.stage = Stage::Closed;
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Encodes the block, or finishes the codec, as far as there is room for parts.
    fn poll_compressor(
        &mut self,
        cx: &mut Context<'_>,
        step: fn(&mut Compressor, &mut BlockBuffer) -> io::Result<Progress>,
    ) -> Poll<Result<(), WriteErrorKind>> {
        loop {
            match step(&mut self.compressor, &mut self.part) {
                Ok(Progress::Done) => return Poll::Ready(Ok(())),
                Ok(Progress::OutputFull) => ready!(self.poll_next_part(cx))?,
                Err(error) => return Poll::Ready(Err(WriteErrorKind::Encode(error.into()))),
            }
        }
    }

    /// Hands the part over as soon as there is room for it, and starts the next.
    fn poll_next_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteErrorKind>> {
        let upload = &mut self.upload;
        ready!(upload.poll_ready(cx))?;
        let next = part_bytes(self.part_size, upload.parts + 1);
        Poll::Ready(upload.start_part(self.part.take(next)))
    }
}
