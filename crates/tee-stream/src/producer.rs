use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_core::Stream;

use crate::{TeeError, hashing::Hashing, signal::Signal, state::Outcome};

/// The streams that chunks come from: boxed, so that a tee's type does not name its source.
pub(crate) type ChunkStream<E> = Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>>;

/// How many chunks that are empty or discarded one poll passes over before it lets others run.
const EMPTY_CHUNKS: usize = 32;

/// One production while it runs.
pub(crate) struct Producer<E> {
    stream: ChunkStream<E>,
    signal: Arc<Signal>,
    /// The same as a waker: wakes everybody who waits at the cursor, whoever polls.
    waker: Waker,
    /// Only where there is a replay to compare with.
    hashing: Option<Box<Hashing>>,
    /// Where it is, and from where on it is needed.
    position: u64,
    needed_from: u64,
}

impl<E> Producer<E> {
    pub(crate) fn new(
        stream: ChunkStream<E>,
        signal: Arc<Signal>,
        hashing: Option<Box<Hashing>>,
    ) -> Self {
        Self {
            stream,
            waker: Waker::from(Arc::clone(&signal)),
            signal,
            hashing,
            position: 0,
            needed_from: 0,
        }
    }

    /// It begins at `position`, and what comes before `needed_from` is only there to be compared.
    pub(crate) fn discard(self, position: u64, needed_from: u64) -> Self {
        Self {
            position,
            needed_from,
            ..self
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<Outcome<E>> {
        self.signal.begin_poll();
        let mut context = Context::from_waker(&self.waker);
        for _ in 0..EMPTY_CHUNKS {
            let mut chunk = match self.stream.as_mut().poll_next(&mut context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => continue,
                Poll::Ready(Some(Ok(chunk))) => chunk,
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Outcome::Failed(TeeError::Source(Arc::new(error))));
                }
                Poll::Ready(None) if self.position < self.needed_from => {
                    return Poll::Ready(Outcome::Failed(TeeError::Diverged {
                        offset: self.position,
                    }));
                }
                Poll::Ready(None) => {
                    return Poll::Ready(Outcome::End(
                        self.hashing.as_ref().map(|hashing| hashing.remainder()),
                    ));
                }
            };
            let hashes = self
                .hashing
                .as_mut()
                .map_or_else(Vec::new, |hashing| hashing.update(&chunk));
            let discarded = self.needed_from.saturating_sub(self.position);
            self.position += chunk.len() as u64;
            if self.position <= self.needed_from {
                // It is in the block of what is needed, so it completes none.
                continue;
            }
            let _ = chunk.split_to(discarded as usize);
            return Poll::Ready(Outcome::Chunk(chunk, hashes));
        }
        Poll::Ready(Outcome::Nothing)
    }
}

impl<E> fmt::Debug for Producer<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Producer")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
