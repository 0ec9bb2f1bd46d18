use std::{
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use object_store::{PutPayload, path::Path};

use super::{
    error::WriteError,
    part::{PartBuffer, part_bytes},
    upload::{AbortOnDrop, Upload},
};
use crate::{
    digest::TimedHasher,
    encode::compressor::{Compressor, Progress},
};

/// The writer's state machine: input to block, block to codec, codec to part, part to store.
///
/// It keeps its first failure and does nothing after it.
#[derive(Debug)]
pub(crate) struct PartWriter {
    location: Path,
    compressor: Compressor,
    hasher: TimedHasher,
    part: PartBuffer,
    part_size: usize,
    upload: AbortOnDrop,
    taken_bytes: u64,
    stage: Stage,
    failure: Option<WriteError>,
    /// Left behind when a poll panics.
    polling: bool,
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

impl PartWriter {
    pub(crate) fn new(
        compressor: Compressor,
        hasher: TimedHasher,
        part_size: usize,
        upload: Upload,
    ) -> Self {
        Self {
            location: upload.location().clone(),
            compressor,
            hasher,
            part: PartBuffer::new(part_bytes(part_size, 0)),
            part_size,
            upload: AbortOnDrop::new(upload),
            taken_bytes: 0,
            stage: Stage::Writing,
            failure: None,
            polling: false,
        }
    }

    pub(crate) fn location(&self) -> &Path {
        &self.location
    }

    /// How many bytes have been taken.
    pub(crate) fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    pub(crate) fn hasher(&self) -> &TimedHasher {
        &self.hasher
    }

    /// Forgets what was hashed, and hashes no more.
    pub(crate) fn switch_digest_off(&mut self) {
        self.hasher = TimedHasher::new(false);
    }

    pub(crate) fn failure(&self) -> Option<&WriteError> {
        self.failure.as_ref()
    }

    pub(crate) fn fail(&mut self, error: WriteError) {
        self.failure.get_or_insert(error);
    }

    /// Gives out an upload that is about to be completed, and the rest that no part has: after
    /// [`poll_close`](Self::poll_close), that is the whole object or nothing.
    pub(crate) fn into_upload(mut self) -> (Upload, PutPayload) {
        (self.upload.disarm(), self.part.take(0))
    }

    /// Waits for what is in flight, and aborts. It goes on when this future is dropped, if there is a
    /// runtime.
    pub(crate) async fn clean_up(self) -> Result<(), WriteError> {
        let cleaned = self.upload.clean_up().await;
        cleaned.map_err(|source| WriteError::Abort {
            location: self.location,
            source: source.into(),
        })
    }

    /// Takes some of `buffers`, which have at least one byte.
    pub(crate) fn poll_take(
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
            this.taken_bytes += taken as u64;
            if this.compressor.is_block_full() {
                this.hasher.update(this.compressor.staged());
            }
            Poll::Ready(Ok(taken))
        })
    }

    /// Learns of uploads that failed while there was nothing to write.
    pub(crate) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Result<(), WriteError> {
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

    pub(crate) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            if this.stage == Stage::Writing && this.compressor.is_block_full() {
                ready!(this.poll_encode(cx))?;
            }
            this.upload.get_mut().poll_drained(cx)
        })
    }

    /// Ends the document: finishes the codec and waits until every part is stored, if there are
    /// parts.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
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
        while let Progress::OutputFull = self
            .compressor
            .encode(&mut self.part)
            .map_err(|source| self.encoder_failed(source))?
        {
            ready!(self.poll_next_part(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        while let Progress::OutputFull = self
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
        let next = part_bytes(self.part_size, upload.parts() + 1);
        Poll::Ready(upload.start_part(self.part.take(next)))
    }

    fn encoder_failed(&self, source: io::Error) -> WriteError {
        WriteError::Encode {
            location: self.location.clone(),
            source: source.into(),
        }
    }
}
