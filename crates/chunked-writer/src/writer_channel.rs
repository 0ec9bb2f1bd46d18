//! The channel from a writer to its chunks, and how it ends.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

/// The stream of chunks from a [`ChunkedWriter`](crate::ChunkedWriter). No chunk is empty. Requires the feature `tokio`.
///
/// It ends cleanly if the writer was finished, and with an error otherwise; then it stays ended. Dropping it makes writes
/// fail. With the feature `http-body`, it is also an `http_body::Body`.
#[must_use = "dropping the chunks makes writes fail"]
pub struct Chunks {
    channel: Arc<Channel>,
}

impl Chunks {
    pub(crate) fn new(channel: Arc<Channel>) -> Self {
        Self { channel }
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, ChunksError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.channel.poll_receive(context)
    }

    /// Exact once the writer is finished.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let (queued, ended) = self.channel.remaining();
        (queued, ended.then_some(queued))
    }
}

impl FusedStream for Chunks {
    fn is_terminated(&self) -> bool {
        self.channel.end_is_seen()
    }
}

/// Requires the feature `http-body`. The size hint is exact once the writer is finished.
#[cfg(feature = "http-body")]
impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = ChunksError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, ChunksError>>> {
        self.poll_next(context)
            .map(|item| item.map(|chunk| chunk.map(http_body::Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.channel.remaining() == (0, true)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let (_, ended) = self.channel.remaining();
        let queued = self.channel.queued_bytes();
        if ended {
            return http_body::SizeHint::with_exact(queued);
        }
        let mut hint = http_body::SizeHint::new();
        hint.set_lower(queued);
        hint
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.channel.drop_reader();
    }
}

impl fmt::Debug for Chunks {
    /// Omits the bytes, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, ended) = self.channel.remaining();
        formatter
            .debug_struct("Chunks")
            .field("queued", &queued)
            .field("ended", &ended)
            .finish()
    }
}

/// Why the chunks of a [`ChunkedWriter`](crate::ChunkedWriter) did not end cleanly. The chunks before the error are a
/// prefix of what was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChunksError {
    /// The writer was dropped before [`finish`](crate::ChunkedWriter::finish), perhaps after a shutdown.
    Unfinished,
    /// The writer was dropped by a panic.
    Panicked,
    /// The writer was [aborted](crate::ChunkedWriter::abort) with this error, which is the source.
    Aborted(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for ChunksError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unfinished => "the writer was dropped before it was finished",
            Self::Panicked => "the writer was dropped by a panic",
            Self::Aborted(_) => "the writer was aborted",
        })
    }
}

impl Error for ChunksError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unfinished | Self::Panicked => None,
            Self::Aborted(error) => Some(&**error),
        }
    }
}

impl From<ChunksError> for io::Error {
    fn from(error: ChunksError) -> Self {
        let kind = match error {
            ChunksError::Unfinished => io::ErrorKind::UnexpectedEof,
            ChunksError::Panicked | ChunksError::Aborted(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The error of a writer whose [`Chunks`] were dropped before their end.
///
/// It converts into an [`io::Error`] of the kind [`BrokenPipe`](io::ErrorKind::BrokenPipe).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the chunks were dropped before they were read")
    }
}

impl Error for ReaderGone {}

impl From<ReaderGone> for io::Error {
    fn from(gone: ReaderGone) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, gone)
    }
}

/// A bounded queue of chunks, from one writer to one reader.
#[derive(Debug)]
pub(crate) struct Channel {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: VecDeque<Bytes>,
    capacity: usize,
    end: End,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug)]
enum End {
    Open,
    Finished,
    Failed(ChunksError),
    /// The reader has seen it.
    Seen,
}

impl Channel {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        let inner = Inner {
            queue: VecDeque::new(),
            capacity: capacity.get(),
            end: End::Open,
            reader_gone: false,
            reader: None,
            writer: None,
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is ready when one more chunk may be sent. Without a context, no task is woken.
    pub(crate) fn poll_space(&self, context: Option<&Context<'_>>) -> Poll<Result<(), ReaderGone>> {
        let mut inner = self.lock();
        if inner.reader_gone {
            return Poll::Ready(Err(ReaderGone));
        }
        if inner.queue.len() < inner.capacity {
            return Poll::Ready(Ok(()));
        }
        let waker = context.map(|context| context.waker().clone());
        let replaced = waker.and_then(|waker| inner.writer.replace(waker));
        drop(inner);
        // Dropping a waker runs foreign code, so do it outside the lock.
        drop(replaced);
        Poll::Pending
    }

    /// Sends a chunk. The caller has checked that there is [space](Self::poll_space).
    pub(crate) fn send(&self, chunk: Bytes) {
        let mut inner = self.lock();
        inner.queue.push_back(chunk);
        let waker = inner.reader.take();
        drop(inner);
        wake(waker);
    }

    /// Ends the stream after what was sent and one last chunk, which may exceed the bound.
    pub(crate) fn end(
        &self,
        last: Bytes,
        result: Result<(), ChunksError>,
    ) -> Result<(), ReaderGone> {
        let mut inner = self.lock();
        if inner.reader_gone {
            return Err(ReaderGone);
        }
        if !last.is_empty() {
            inner.queue.push_back(last);
        }
        inner.end = result.map_or_else(End::Failed, |()| End::Finished);
        let waker = inner.reader.take();
        drop(inner);
        wake(waker);
        Ok(())
    }

    pub(crate) fn reader_is_gone(&self) -> bool {
        self.lock().reader_gone
    }

    pub(crate) fn poll_receive(
        &self,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Bytes, ChunksError>>> {
        let mut inner = self.lock();
        if let Some(chunk) = inner.queue.pop_front() {
            let waker = inner.writer.take();
            drop(inner);
            wake(waker);
            return Poll::Ready(Some(Ok(chunk)));
        }
        match std::mem::replace(&mut inner.end, End::Seen) {
            End::Open => {
                inner.end = End::Open;
                let replaced = inner.reader.replace(context.waker().clone());
                drop(inner);
                drop(replaced);
                Poll::Pending
            }
            End::Finished | End::Seen => Poll::Ready(None),
            End::Failed(error) => Poll::Ready(Some(Err(error))),
        }
    }

    /// Returns how many chunks are queued, and whether nothing follows them.
    pub(crate) fn remaining(&self) -> (usize, bool) {
        let inner = self.lock();
        (
            inner.queue.len(),
            matches!(inner.end, End::Finished | End::Seen),
        )
    }

    /// Returns how many bytes are queued.
    #[cfg(feature = "http-body")]
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.lock()
            .queue
            .iter()
            .map(|chunk| chunk.len() as u64)
            .sum()
    }

    /// Returns whether the reader has seen the end.
    pub(crate) fn end_is_seen(&self) -> bool {
        let inner = self.lock();
        inner.queue.is_empty() && matches!(inner.end, End::Seen)
    }

    pub(crate) fn drop_reader(&self) {
        let mut inner = self.lock();
        inner.reader_gone = true;
        let queue = std::mem::take(&mut inner.queue);
        let (reader, writer) = (inner.reader.take(), inner.writer.take());
        drop(inner);
        drop((queue, reader));
        wake(writer);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
