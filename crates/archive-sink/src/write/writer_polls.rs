use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use super::{
    part_schedule::part_bytes,
    writer::{ArchiveWriter, Stage},
};
use crate::{WriteError, encode::compressor::Progress};

/// The writer's state machine: input to block, block to codec, codec to part, part to store.
impl ArchiveWriter {
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

    /// Ends the document: finishes the codec and waits until every part is stored, if there are
    /// parts.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
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
