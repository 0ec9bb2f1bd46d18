use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_core::Stream;

use crate::{TeeError, wakers::Signal};

/// How many empty chunks one poll skips before it lets others run.
const EMPTY_CHUNKS: usize = 32;

/// The stream of a production: boxed, so that a tee's type does not name its source.
pub(crate) type ChunkStream<E> = Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>>;

/// The source of one production, and how it wakes those who wait for it.
pub(crate) struct Producer<E> {
    stream: ChunkStream<E>,
    signal: Arc<Signal>,
    /// The signal as a waker.
    waker: Waker,
}

/// The result of polling a source.
pub(crate) enum Outcome<E> {
    Chunk(Bytes),
    End,
    Failed(TeeError<E>),
    /// Only empty chunks. Poll it again.
    Nothing,
}

impl<E> Producer<E> {
    /// Boxed, since it goes back and forth for each chunk.
    pub(crate) fn new(stream: ChunkStream<E>, signal: Arc<Signal>) -> Box<Self> {
        Box::new(Self {
            stream,
            waker: Waker::from(Arc::clone(&signal)),
            signal,
        })
    }

    pub(crate) fn poll(&mut self) -> Poll<Outcome<E>> {
        self.signal.begin_poll();
        let mut context = Context::from_waker(&self.waker);
        for _ in 0..EMPTY_CHUNKS {
            return Poll::Ready(match self.stream.as_mut().poll_next(&mut context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => continue,
                Poll::Ready(Some(Ok(chunk))) => Outcome::Chunk(chunk),
                Poll::Ready(Some(Err(error))) => Outcome::Failed(TeeError::Source(Arc::new(error))),
                Poll::Ready(None) => Outcome::End,
            });
        }
        Poll::Ready(Outcome::Nothing)
    }
}
