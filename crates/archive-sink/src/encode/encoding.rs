use std::{io, num::NonZeroUsize};

use bytes::{Buf, Bytes};

use super::compressor::{Compressor, Output, Progress};

/// An encoding on its way: raw bytes in, chunks out. Knows nothing of streams, wakers or futures.
///
/// It gives the compressor what an [`ArchiveWriter`](crate::ArchiveWriter) gives it, in the same
/// order: full blocks, the last one, the end. So the bytes are the same, too.
#[derive(Debug)]
pub(super) struct Encoding {
    compressor: Compressor,
    chunk: ChunkBuffer,
    chunk_size: NonZeroUsize,
    document_ended: bool,
}

/// What one [`Encoding::step`] came to.
#[derive(Debug)]
pub(super) enum Step {
    /// A full chunk, and there may be more.
    Chunk(Bytes),
    /// Nothing to hand out yet, but it can go on at once.
    Yields,
    /// All is encoded. What is left for a last chunk, if anything, is here.
    Ended(Option<Bytes>),
}

impl Encoding {
    pub(super) fn new(compressor: Compressor, chunk_size: NonZeroUsize) -> Self {
        Self {
            compressor,
            chunk: ChunkBuffer::new(chunk_size),
            chunk_size,
            document_ended: false,
        }
    }

    /// For the chunks that are not begun yet.
    pub(super) fn set_chunk_size(&mut self, chunk_size: NonZeroUsize) {
        self.chunk_size = chunk_size;
        if self.chunk.is_empty() {
            self.chunk = ChunkBuffer::new(chunk_size);
        }
    }

    /// Whether it has a full block to encode, or the document's end. Otherwise it takes input.
    pub(super) fn is_ready(&self) -> bool {
        self.document_ended || self.compressor.is_block_full()
    }

    /// Takes as much of `input` as the block has room for, and says how much that was.
    pub(super) fn take_input(&mut self, input: &mut Bytes) -> usize {
        let taken = self.compressor.stage(input);
        input.advance(taken);
        taken
    }

    /// There is no more input.
    pub(super) fn end_document(&mut self) {
        self.document_ended = true;
    }

    /// Encodes what is left of one block, or finishes the codec, as far as the chunk has room.
    ///
    /// Only when it [is ready](Self::is_ready), and not again once it has ended.
    pub(super) fn step(&mut self) -> io::Result<Step> {
        let finishing = self.compressor.staged().is_empty();
        let progress = if finishing {
            self.compressor.finish(&mut self.chunk)?
        } else {
            self.compressor.encode(&mut self.chunk)?
        };
        let is_full = self.chunk.is_full();
        Ok(match progress {
            Progress::Done if finishing => {
                Step::Ended((!self.chunk.is_empty()).then(|| self.take_chunk()))
            }
            Progress::Done if !is_full => Step::Yields,
            Progress::Done | Progress::OutputFull => Step::Chunk(self.take_chunk()),
        })
    }

    fn take_chunk(&mut self) -> Bytes {
        self.chunk.take(self.chunk_size)
    }
}

/// The first allocation of a chunk. Larger chunks grow by doubling, so that a short document takes
/// no more memory because chunks may be large.
const FIRST_BYTES: usize = 64 * 1024;

/// The chunk that is being filled.
///
/// A chunk of up to 64 KiB is allocated once and handed out as it is.
#[derive(Default)]
struct ChunkBuffer {
    bytes: Vec<u8>,
    filled: usize,
    capacity: usize,
}

impl std::fmt::Debug for ChunkBuffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "ChunkBuffer({} of {})",
            self.filled, self.capacity
        )
    }
}

impl ChunkBuffer {
    fn new(capacity: NonZeroUsize) -> Self {
        Self {
            bytes: Vec::new(),
            filled: 0,
            capacity: capacity.get(),
        }
    }

    fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Hands out what there is, in memory of just that size, and starts an empty chunk.
    fn take(&mut self, capacity: NonZeroUsize) -> Bytes {
        let chunk = std::mem::replace(self, Self::new(capacity));
        if chunk.filled == chunk.bytes.capacity() {
            chunk.bytes.into()
        } else {
            Bytes::copy_from_slice(&chunk.bytes[..chunk.filled])
        }
    }

    fn grow(&mut self) {
        let allocated = self.bytes.len();
        let next = allocated
            .saturating_mul(2)
            .max(FIRST_BYTES)
            .min(self.capacity);
        self.bytes.reserve_exact(next - allocated);
        self.bytes.resize(next, 0);
    }
}

impl Output for ChunkBuffer {
    fn is_full(&self) -> bool {
        self.filled == self.capacity
    }

    fn spare(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() && !self.is_full() {
            self.grow();
        }
        &mut self.bytes[self.filled..]
    }

    fn advance(&mut self, amount: usize) {
        self.filled += amount;
        debug_assert!(self.filled <= self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(chunk: &mut ChunkBuffer, bytes: usize) -> usize {
        let mut written = 0;
        while written < bytes && !chunk.is_full() {
            let spare = chunk.spare();
            let amount = spare.len().min(bytes - written);
            spare[..amount].fill(7);
            chunk.advance(amount);
            written += amount;
        }
        written
    }

    /// How much memory a chunk keeps that nobody shares.
    fn memory_of(chunk: Bytes) -> usize {
        chunk.try_into_mut().unwrap().capacity()
    }

    #[test]
    fn holds_its_capacity_and_no_byte_more() {
        for bytes in [1, FIRST_BYTES - 1, FIRST_BYTES, 5 * FIRST_BYTES + 1] {
            let capacity = NonZeroUsize::new(bytes).unwrap();
            let mut chunk = ChunkBuffer::new(capacity);
            assert_eq!(fill(&mut chunk, bytes + 9), bytes);
            assert!(chunk.is_full() && chunk.spare().is_empty());
            let taken = chunk.take(capacity);
            assert_eq!(taken, vec![7; bytes]);
            assert_eq!(memory_of(taken), bytes);
            assert!(chunk.is_empty());
        }
    }

    #[test]
    fn a_short_chunk_takes_no_more_memory_because_it_could_be_large() {
        let mut chunk = ChunkBuffer::new(NonZeroUsize::MAX);
        assert_eq!(fill(&mut chunk, 3), 3);
        assert_eq!(chunk.bytes.capacity(), FIRST_BYTES);
        let taken = chunk.take(NonZeroUsize::MIN);
        assert_eq!(taken, [7; 3].as_slice());
        assert_eq!(memory_of(taken), 3);
        assert_eq!(fill(&mut chunk, 3), 1);
    }
}
