//! What a writer and its chunks share.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::push::error::{ChunksError, ReaderGone};

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
    /// It has been handed over.
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

    /// Resolves when one more chunk may be sent. Without a context nobody is woken.
    pub(crate) fn poll_room(&self, context: Option<&Context<'_>>) -> Poll<Result<(), ReaderGone>> {
        let mut inner = self.lock();
        if inner.reader_gone {
            return Poll::Ready(Err(ReaderGone));
        }
        if inner.queue.len() < inner.capacity {
            return Poll::Ready(Ok(()));
        }
        let replaced = context.and_then(|context| register(&mut inner.writer, context));
        drop(inner);
        // A waker's drop is somebody else's code: not under the lock.
        drop(replaced);
        Poll::Pending
    }

    /// Sends a chunk, for which there must be [room](Self::poll_room).
    pub(crate) fn send(&self, chunk: Bytes) {
        let mut inner = self.lock();
        inner.queue.push_back(chunk);
        let waker = inner.reader.take();
        drop(inner);
        wake(waker);
    }

    /// Ends the stream after what was sent, and after one last chunk, which needs no room.
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

    // The reader's side.

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
                let replaced = register(&mut inner.reader, context);
                drop(inner);
                drop(replaced);
                Poll::Pending
            }
            End::Finished | End::Seen => Poll::Ready(None),
            End::Failed(error) => Poll::Ready(Some(Err(error))),
        }
    }

    /// How many chunks are queued, and whether nothing will follow them.
    pub(crate) fn remaining(&self) -> (usize, bool) {
        let inner = self.lock();
        (
            inner.queue.len(),
            matches!(inner.end, End::Finished | End::Seen),
        )
    }

    /// How many bytes are queued.
    #[cfg(feature = "http-body")]
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.lock()
            .queue
            .iter()
            .map(|chunk| chunk.len() as u64)
            .sum()
    }

    /// Whether the end has been handed over.
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

/// Notes whom to wake, and returns whoever was noted before.
fn register(slot: &mut Option<Waker>, context: &Context<'_>) -> Option<Waker> {
    match slot {
        Some(waker) if waker.will_wake(context.waker()) => None,
        _ => slot.replace(context.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
