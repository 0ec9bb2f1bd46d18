//! A document of pieces of text that are in memory already, and how pieces become chunks.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use driver_streaming::{Document, DocumentStream, LengthFuture, skip_bytes};
use futures_core::Stream;
use futures_util::{TryStreamExt, stream};

/// Pieces of text, one after the other. A production slices them, and copies only what crosses from one to the next.
#[derive(Clone, Debug)]
pub struct TextDocument {
    pieces: Arc<[Bytes]>,
    chunk_size: NonZeroUsize,
    produced: Arc<AtomicU64>,
}

impl TextDocument {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        Self {
            pieces: pieces.into(),
            chunk_size: chunked_writer::DEFAULT_CHUNK_SIZE,
            produced: Arc::default(),
        }
    }

    /// The size of every chunk but the last, in bytes: 64 KiB by default.
    #[must_use]
    pub fn with_chunk_size(mut self, size: NonZeroUsize) -> Self {
        self.chunk_size = size;
        self
    }
}

impl Document for TextDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let pieces: Vec<_> = self.pieces.iter().cloned().map(Ok).collect();
        let rest = skip_bytes(stream::iter(pieces), offset);
        let produced = Arc::clone(&self.produced);
        let chunks = chunks(rest, self.chunk_size).inspect_ok(move |chunk| {
            produced.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        Box::pin(chunks)
    }

    fn bytes_produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    fn length(&self) -> LengthFuture {
        let length = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        Box::pin(std::future::ready(Ok(length)))
    }
}

/// Cuts a stream of pieces of any size into chunks of one size; only the last is shorter. Copies a chunk that crosses from
/// one piece to the next. An error comes at once: bytes before it, short of a chunk, could be taken for the end.
pub(crate) fn chunks<E>(
    pieces: impl Stream<Item = Result<Bytes, E>> + Unpin,
    size: NonZeroUsize,
) -> impl Stream<Item = Result<Bytes, E>> {
    let start = (pieces, Bytes::new());
    stream::try_unfold(start, move |(mut pieces, mut piece)| async move {
        let mut joined = BytesMut::new();
        let chunk = loop {
            if joined.is_empty() && piece.len() >= size.get() {
                break piece.split_to(size.get());
            }
            let taken = piece.len().min(size.get() - joined.len());
            joined.reserve(size.get() - joined.len());
            joined.extend_from_slice(&piece.split_to(taken));
            if joined.len() == size.get() {
                break joined.freeze();
            }
            match pieces.try_next().await? {
                Some(next) => piece = next,
                None if joined.is_empty() => return Ok(None),
                // A copy, so that a short last chunk does not hold the memory of a full one.
                None => break Bytes::copy_from_slice(&joined),
            }
        };
        Ok(Some((chunk, (pieces, piece))))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chunks_are_exact_from_any_offset() {
        let pieces = ["abc", "", "d", "efghij", "k", ""];
        let whole = pieces.concat();
        let document = TextDocument::new(pieces.map(Bytes::from).to_vec());
        for size in 1..=whole.len() + 1 {
            let document = document
                .clone()
                .with_chunk_size(NonZeroUsize::new(size).unwrap());
            for offset in 0..=whole.len() {
                let chunks = document.stream_from(offset as u64).map(Result::unwrap);
                let chunks: Vec<_> = chunks.collect().now_or_never().unwrap();
                assert_eq!(chunks.concat(), whole.as_bytes()[offset..]);
                let Some((last, others)) = chunks.split_last() else {
                    continue;
                };
                assert!(others.iter().all(|chunk| chunk.len() == size));
                assert!((1..=size).contains(&last.len()));
            }
        }
    }

    proptest! {
        #[test]
        fn every_chunk_but_the_last_is_full(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            size in 1usize..30,
        ) {
            let whole: Vec<u8> = pieces.concat();
            let source = stream::iter(pieces.into_iter().map(|piece| Ok::<_, ()>(Bytes::from(piece))));
            let chunks = super::chunks(source, NonZeroUsize::new(size).unwrap());
            let chunks: Vec<Bytes> = chunks.map(Result::unwrap).collect().now_or_never().unwrap();
            if let Some((last, before)) = chunks.split_last() {
                prop_assert!(before.iter().all(|chunk| chunk.len() == size));
                prop_assert!(!last.is_empty() && last.len() <= size);
            }
            prop_assert_eq!(chunks.concat(), whole);
        }
    }
}
