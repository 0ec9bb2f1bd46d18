//! A stream of chunks as a reader.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

pin_project_lite::pin_project! {
    /// Reads what a stream of chunks yields. With the feature `tokio`.
    ///
    /// From [`JsonStream::into_async_read`](crate::JsonStream::into_async_read), or of any stream whose errors can become
    /// an [`io::Error`]. Holds one chunk at a time.
    ///
    /// A reader that has failed never reaches its end: whoever reads on after the error gets another one, so that what
    /// was cut short is not taken for whole. One that has reached its end stays there, and does not poll the stream again.
    ///
    /// # Cancel safety
    ///
    /// What was not copied out stays in the reader.
    pub struct ChunkReader<S> {
        #[pin]
        stream: S,
        chunk: Bytes,
        state: State,
    }
}

/// What is known of the stream. It is not asked again after its end: it need not be a fused one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

impl<S> ChunkReader<S> {
    /// Reads what the stream yields from here on.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            chunk: Bytes::new(),
            state: State::Open,
        }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream. A chunk taken from it is not read.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream. A chunk taken from it is not read.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().stream
    }

    /// The stream, and what was taken from it and has not been read.
    pub fn into_inner(self) -> (Bytes, S) {
        (self.chunk, self.stream)
    }
}

impl<S, E> AsyncBufRead for ChunkReader<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<io::Error>,
{
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let mut this = self.project();
        if *this.state == State::Failed {
            return Poll::Ready(Err(io::Error::other(
                "the stream has failed in an earlier read",
            )));
        }
        // A stream of strangers may yield empty chunks, which would look like the end.
        while this.chunk.is_empty() && *this.state == State::Open {
            match ready!(this.stream.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => *this.chunk = chunk,
                Some(Err(error)) => {
                    *this.state = State::Failed;
                    return Poll::Ready(Err(error.into()));
                }
                None => *this.state = State::Ended,
            }
        }
        Poll::Ready(Ok(this.chunk))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().chunk.advance(amount);
    }
}

impl<S, E> AsyncRead for ChunkReader<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<io::Error>,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let chunk = ready!(self.as_mut().poll_fill_buf(context))?;
        let amount = chunk.len().min(buffer.remaining());
        buffer.put_slice(&chunk[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

impl<S: fmt::Debug> fmt::Debug for ChunkReader<S> {
    /// Without the bytes, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ChunkReader")
            .field("stream", &self.stream)
            .field("buffered", &self.chunk.len())
            .field("state", &self.state)
            .finish()
    }
}
