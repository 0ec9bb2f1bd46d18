//! A writer whose other end is a stream of chunks.

use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use crate::document::DEFAULT_CHUNK_SIZE;
use crate::walker::chunks::grow;
use crate::writer_channel::{Channel, Chunks, ChunksError, ReaderGone};

/// A `tokio::io::AsyncWrite` whose other end is a stream of [`Chunks`]. Requires the feature `tokio`.
///
/// Memory is bounded: at most the configured number of chunks are queued, and one is being filled. While the queue is full,
/// writes are `Pending`. Bytes are copied once, into the chunk. A chunk can be read when it is full or
/// [flushed](#flush-and-shutdown).
///
/// # The end
///
/// [`finish`](Self::finish) is the only clean end. If the writer is dropped, even by a panic, or [aborted](Self::abort), the
/// reader gets an error after the chunks that were sent. Once the [`Chunks`] are dropped, writes fail with
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// # Flush and shutdown
///
/// `flush` sends the partial chunk, as `AsyncWrite` requires, so the chunk before a flush may be short.
/// [`exact_chunks`](ChunkedWriterBuilder::exact_chunks) disables this. `shutdown` flushes and refuses later writes. It is
/// not a clean end, because encoders forward it without knowing whether everything succeeded: call `finish` after it.
///
/// # Cancel safety
///
/// A write, flush or shutdown that is cancelled while pending has no effect. Bytes written before it are kept.
///
/// # Code that must block
///
/// Use `SyncIoBridge` of tokio-util to make the writer a `std::io::Write` for a blocking thread:
///
/// ```
/// use chunked_writer::ChunkedWriter;
/// use futures_util::TryStreamExt;
/// use tokio_util::io::SyncIoBridge;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let (writer, chunks) = ChunkedWriter::new();
/// let blocking = tokio::task::spawn_blocking(move || {
///     let mut bridge = SyncIoBridge::new(writer);
///     // An error drops the writer, and the reader gets an error too.
///     serde_json::to_writer(&mut bridge, &["some", "value"])?;
///     bridge.into_inner().finish()?;
///     Ok::<_, std::io::Error>(())
/// });
/// let chunks: Vec<_> = chunks.try_collect().await?;
/// assert_eq!(chunks.concat(), br#"["some","value"]"#);
/// blocking.await??;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the writer ends the stream with an error"]
pub struct ChunkedWriter {
    channel: Arc<Channel>,
    buffer: Vec<u8>,
    chunk_size: usize,
    exact: bool,
    shut_down: bool,
    /// Finished or aborted: `drop` has nothing left to report.
    ended: bool,
}

impl ChunkedWriter {
    /// Creates a writer and its chunks, with the defaults of the builder.
    pub fn new() -> (Self, Chunks) {
        Self::builder().build()
    }

    /// Returns a builder, to configure the chunk size and the bound.
    pub fn builder() -> ChunkedWriterBuilder {
        ChunkedWriterBuilder::default()
    }

    /// Ends the stream cleanly, after what was written. This does not wait: the partial chunk may exceed the bound.
    ///
    /// # Errors
    ///
    /// If the [`Chunks`] were dropped.
    pub fn finish(mut self) -> Result<(), ReaderGone> {
        self.ended = true;
        let mut last = std::mem::take(&mut self.buffer);
        last.shrink_to_fit();
        self.channel.end(Bytes::from(last), Ok(()))
    }

    /// Ends the stream with an error, after the chunks that were sent. A partial chunk is dropped.
    pub fn abort(mut self, error: impl Into<Box<dyn Error + Send + Sync>>) {
        self.fail(ChunksError::Aborted(error.into()));
    }

    /// Returns whether the [`Chunks`] were dropped. Further writes fail.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.reader_is_gone()
    }

    fn fail(&mut self, error: ChunksError) {
        self.ended = true;
        // If the reader is gone, nobody needs the error.
        let _ = self.channel.end(Bytes::new(), Err(error));
    }

    /// Sends the buffer if it is full.
    fn poll_send_full(&mut self, context: Option<&Context<'_>>) -> Poll<Result<(), ReaderGone>> {
        if self.buffer.len() == self.chunk_size {
            ready!(self.channel.poll_space(context))?;
            self.channel
                .send(Bytes::from(std::mem::take(&mut self.buffer)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ChunkedWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.shut_down {
            let message = "cannot write after shutdown";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, message)));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(this.poll_send_full(Some(context)))?;
        if this.channel.reader_is_gone() {
            return Poll::Ready(Err(ReaderGone.into()));
        }
        if this.buffer.len() == this.buffer.capacity() {
            grow(&mut this.buffer, this.chunk_size);
        }
        let space = this.buffer.capacity().min(this.chunk_size) - this.buffer.len();
        let written = bytes.len().min(space);
        this.buffer.extend_from_slice(&bytes[..written]);
        // Send a full chunk at once, if there is space. If not, or if the reader is gone, the next write finds out.
        let _ = this.poll_send_full(None);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send_full(Some(context)))?;
        if this.channel.reader_is_gone() {
            return Poll::Ready(Err(ReaderGone.into()));
        }
        if !this.exact && !this.buffer.is_empty() {
            ready!(this.channel.poll_space(Some(context)))?;
            // Copy, so that a short chunk does not keep the memory of a long one.
            this.channel.send(Bytes::copy_from_slice(&this.buffer));
            this.buffer.clear();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        self.shut_down = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for ChunkedWriter {
    fn drop(&mut self) {
        if !self.ended {
            let panicking = std::thread::panicking();
            self.fail(if panicking {
                ChunksError::Panicked
            } else {
                ChunksError::Unfinished
            });
        }
    }
}

impl fmt::Debug for ChunkedWriter {
    /// Omits the bytes, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ChunkedWriter")
            .field("chunk_size", &self.chunk_size)
            .field("exact_chunks", &self.exact)
            .field("buffered", &self.buffer.len())
            .field("shut_down", &self.shut_down)
            .finish_non_exhaustive()
    }
}

/// Configures a [`ChunkedWriter`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ChunkedWriterBuilder {
    chunk_size: NonZeroUsize,
    queued_chunks: NonZeroUsize,
    exact: bool,
}

impl Default for ChunkedWriterBuilder {
    /// Chunks of [`DEFAULT_CHUNK_SIZE`], of which two may be queued.
    fn default() -> Self {
        const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
        Self {
            chunk_size: DEFAULT_CHUNK_SIZE,
            queued_chunks: TWO,
            exact: false,
        }
    }
}

impl ChunkedWriterBuilder {
    /// Sets the size of chunks, in bytes. The chunk before a flush and the last chunk may be shorter.
    pub fn chunk_size(self, bytes: NonZeroUsize) -> Self {
        Self {
            chunk_size: bytes,
            ..self
        }
    }

    /// Sets how many chunks may be queued. The writer holds one more, and `finish` may add it to the queue.
    pub fn queued_chunks(self, count: NonZeroUsize) -> Self {
        Self {
            queued_chunks: count,
            ..self
        }
    }

    /// Makes every chunk except the last exactly as large as configured: `flush` and `shutdown` keep a partial chunk.
    pub fn exact_chunks(self) -> Self {
        Self {
            exact: true,
            ..self
        }
    }

    /// Creates the writer and its chunks.
    pub fn build(self) -> (ChunkedWriter, Chunks) {
        let channel = Arc::new(Channel::new(self.queued_chunks));
        let writer = ChunkedWriter {
            channel: Arc::clone(&channel),
            buffer: Vec::new(),
            chunk_size: self.chunk_size.get(),
            exact: self.exact,
            shut_down: false,
            ended: false,
        };
        (writer, Chunks::new(channel))
    }
}
