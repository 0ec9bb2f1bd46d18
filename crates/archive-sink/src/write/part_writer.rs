use std::task::{Context, Poll, ready};

use object_store::PutPayload;

use super::{
    error::{WriteError, WriteErrorKind},
    multipart_upload::{Upload, part_bytes},
};
use crate::encoder::{Encoder, Progress};

/// Takes input, and sends what the encoder makes of it to the store in parts.
///
/// It keeps its first failure and does nothing after it.
pub(crate) struct PartWriter {
    pub(crate) encoder: Encoder,
    part_size: usize,
    pub(crate) upload: Upload,
    /// How many bytes have been taken.
    pub(crate) taken_bytes: u64,
    pub(crate) failure: Option<WriteError>,
    /// Left behind when a poll panics.
    polling: bool,
}

impl PartWriter {
    /// The output of `encoder` has room for the first part.
    pub(crate) fn new(encoder: Encoder, part_size: usize, upload: Upload) -> Self {
        Self {
            encoder,
            part_size,
            upload,
            taken_bytes: 0,
            failure: None,
            polling: false,
        }
    }

    /// Records a failure unless there is one. Returns the first.
    pub(crate) fn fail(&mut self, kind: WriteErrorKind) -> WriteError {
        let failure = || WriteError::new(&self.upload.location, kind);
        self.failure.get_or_insert_with(failure).clone()
    }

    /// Gives out the upload for its completion, and the bytes that no part has. After [`poll_close`](Self::poll_close),
    /// those are the whole object or none.
    pub(crate) fn into_upload(mut self) -> (Upload, PutPayload) {
        (self.upload, self.encoder.output.take(0))
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

    /// Takes as much input as `take` gives the encoder, which is at least one byte.
    pub(crate) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Encoder) -> usize,
    ) -> Poll<Result<usize, WriteError>> {
        self.guarded(|this| {
            if this.encoder.has_ended() {
                return Poll::Ready(Err(WriteErrorKind::Closed));
            }
            if this.encoder.has_work() {
                this.upload.poll_progress(cx)?;
                ready!(this.poll_encoded(cx))?;
                // One block is enough for one poll: let other tasks run.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let taken = take(&mut this.encoder);
            this.taken_bytes += taken as u64;
            Poll::Ready(Ok(taken))
        })
    }

    /// Notices parts that failed while there is nothing to write.
    pub(crate) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Result<(), WriteError> {
        match self.guarded(|this| Poll::Ready(this.upload.poll_progress(cx))) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Waits until every full part is stored.
    pub(crate) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            ready!(this.poll_encoded(cx))?;
            this.upload.poll_drained(cx)
        })
    }

    /// Ends the document and finishes the codec.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            // What is there goes first.
            ready!(this.poll_encoded(cx))?;
            this.encoder.end();
            this.poll_encoded(cx)
        })
    }

    /// Appends `trailer`, which it drains, and waits until every part is stored, if there are parts. Only after
    /// [`poll_finish`](Self::poll_finish).
    pub(crate) fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        trailer: &mut Vec<u8>,
    ) -> Poll<Result<(), WriteError>> {
        self.guarded(|this| {
            while !trailer.is_empty() {
                if this.encoder.output.is_full() {
                    ready!(this.poll_next_part(cx))?;
                }
                let written = this.encoder.output.append(trailer);
                trailer.drain(..written);
            }
            if this.upload.has_started() && !this.encoder.output.is_empty() {
                ready!(this.poll_next_part(cx))?;
            }
            this.upload.poll_drained(cx)
        })
    }

    /// Encodes the input that is waiting, and sends the parts that it fills.
    fn poll_encoded(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteErrorKind>> {
        while self.encoder.has_work() {
            match self.encoder.step() {
                Ok(Progress::Done) => {}
                Ok(Progress::OutputFull) => ready!(self.poll_next_part(cx))?,
                Err(error) => return Poll::Ready(Err(WriteErrorKind::Encode(error.into()))),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the part over as soon as there is room for it, and starts the next.
    fn poll_next_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteErrorKind>> {
        let upload = &mut self.upload;
        ready!(upload.poll_ready(cx))?;
        let next = part_bytes(self.part_size, upload.parts + 1);
        Poll::Ready(upload.start_part(self.encoder.output.take(next)))
    }
}
