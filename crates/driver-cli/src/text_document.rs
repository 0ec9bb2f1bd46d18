//! A document of pieces of text that are in memory already.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use driver_streaming::{Document, DocumentStream, LengthFuture};
use futures_util::stream;

/// Pieces of text, one after the other. A production takes slices of them, and copies only where a chunk crosses from one
/// piece to the next.
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

    fn chunks(&self, offset: u64) -> Chunks {
        let mut chunks = Chunks {
            document: self.clone(),
            next: 0,
            piece: Bytes::new(),
        };
        chunks.skip_bytes(offset);
        chunks
    }
}

impl Document for TextDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        Box::pin(stream::iter(self.chunks(offset).map(Ok)))
    }

    fn bytes_produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    fn length(&self) -> LengthFuture {
        let length = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        Box::pin(std::future::ready(Ok(length)))
    }
}

/// One production.
struct Chunks {
    document: TextDocument,
    /// The index of the piece after `piece`.
    next: usize,
    /// What is left of the piece that has been begun.
    piece: Bytes,
}

impl Chunks {
    /// Begins the next piece, if there is one.
    fn begin(&mut self) -> bool {
        let Some(piece) = self.document.pieces.get(self.next) else {
            return false;
        };
        self.piece = piece.clone();
        self.next += 1;
        true
    }

    fn skip_bytes(&mut self, mut bytes: u64) {
        while bytes > 0 && self.begin() {
            let skipped = self
                .piece
                .len()
                .min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.piece.advance(skipped);
            bytes -= skipped as u64;
        }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let size = self.document.chunk_size.get();
        while self.piece.is_empty() {
            if !self.begin() {
                return None;
            }
        }
        let mut chunk = self.piece.split_to(self.piece.len().min(size));
        if chunk.len() < size && self.next < self.document.pieces.len() {
            let mut joined = BytesMut::with_capacity(size);
            joined.extend_from_slice(&chunk);
            while joined.len() < size && (!self.piece.is_empty() || self.begin()) {
                let taken = self.piece.len().min(size - joined.len());
                joined.extend_from_slice(&self.piece.split_to(taken));
            }
            chunk = joined.freeze();
        }
        self.document
            .produced
            .fetch_add(chunk.len() as u64, Ordering::Relaxed);
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
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
                let chunks: Vec<_> = document.chunks(offset as u64).collect();
                assert_eq!(chunks.concat(), whole.as_bytes()[offset..]);
                let Some((last, others)) = chunks.split_last() else {
                    continue;
                };
                assert!(others.iter().all(|chunk| chunk.len() == size));
                assert!((1..=size).contains(&last.len()));
            }
        }
    }
}
