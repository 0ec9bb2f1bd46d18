use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_core::Stream;

use crate::{TeeError, signal::Signal, state::Outcome, verification::UnitHasher};

/// The stream of a production: boxed, so that a tee's type does not name its source.
pub(crate) type ChunkStream<E> = Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>>;

/// How many empty or discarded chunks one poll skips before it lets others run.
const EMPTY_CHUNKS: usize = 32;

/// One production while it runs.
pub(crate) struct Producer<E> {
    stream: ChunkStream<E>,
    signal: Arc<Signal>,
    /// The signal as a waker: wakes everybody who waits at the cursor, whoever polls.
    waker: Waker,
    /// Only if there is a replay to compare with.
    hasher: Option<Box<UnitHasher>>,
    /// The offset of the next byte.
    position: u64,
    /// The bytes before this offset are only compared.
    needed_from: u64,
}

impl<E> Producer<E> {
    pub(crate) fn new(
        stream: ChunkStream<E>,
        signal: Arc<Signal>,
        hasher: Option<Box<UnitHasher>>,
    ) -> Self {
        Self {
            stream,
            waker: Waker::from(Arc::clone(&signal)),
            signal,
            hasher,
            position: 0,
            needed_from: 0,
        }
    }

    /// Starts at `position`, and only compares what comes before `needed_from`.
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
                        self.hasher.as_ref().map(|hasher| hasher.remainder()),
                    ));
                }
            };
            let hashes = self
                .hasher
                .as_mut()
                .map_or_else(Vec::new, |hasher| hasher.update(&chunk));
            let discarded = self.needed_from.saturating_sub(self.position);
            self.position += chunk.len() as u64;
            if self.position <= self.needed_from {
                // It is in the same block as `needed_from`, so it completes none.
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
