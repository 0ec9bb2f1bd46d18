use std::{
    error::Error,
    future::poll_fn,
    io::IoSlice,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::Stream;

use super::writer::ArchiveWriter;
use crate::{SendError, WriteError};

/// After this many empty chunks in a row, a poll yields.
const EMPTY_CHUNKS_PER_POLL: usize = 32;

impl ArchiveWriter {
    /// Writes a whole stream, and says how many bytes it had.
    ///
    /// The document goes on where the last write or stream ended, so several streams can follow one
    /// another. While the stream has nothing, parts that are in flight are still watched. Each poll
    /// compresses at most 16 KiB, then yields.
    ///
    /// # Errors
    ///
    /// [`SendError::Source`] when the stream fails, [`SendError::Write`] when the writer does. The
    /// document is not whole then, and cannot be committed.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: part of the stream has been taken when the future is dropped. The writer
    /// knows that the document is not whole and refuses to commit it
    /// ([`WriteError::Unfinished`]).
    pub async fn send_all<S, E>(&mut self, stream: S) -> Result<u64, SendError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        if self.sending {
            let location = self.location().clone();
            self.fail(WriteError::Unfinished { location });
        }
        if let Some(failure) = self.failure() {
            return Err(failure.clone().into());
        }
        self.sending = true;
        let before = self.raw_bytes();
        let mut stream = pin!(stream);
        let mut chunk = Bytes::new();
        poll_fn(|cx| self.poll_send(cx, stream.as_mut(), &mut chunk, before)).await?;
        self.sending = false;
        Ok(self.raw_bytes() - before)
    }

    fn poll_send<S, E>(
        &mut self,
        cx: &mut Context<'_>,
        mut stream: Pin<&mut S>,
        chunk: &mut Bytes,
        before: u64,
    ) -> Poll<Result<(), SendError>>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        for _ in 0..EMPTY_CHUNKS_PER_POLL {
            while chunk.has_remaining() {
                let taken = ready!(self.poll_take(cx, &[IoSlice::new(chunk)]))?;
                chunk.advance(taken);
            }
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(next))) => *chunk = next,
                Poll::Ready(Some(Err(error))) => {
                    let source: Arc<dyn Error + Send + Sync> = error.into().into();
                    let location = self.location().clone();
                    self.fail(WriteError::from_source(location, Arc::clone(&source)));
                    let sent = self.raw_bytes() - before;
                    return Poll::Ready(Err(SendError::Source { sent, source }));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    self.poll_progress(cx)?;
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
