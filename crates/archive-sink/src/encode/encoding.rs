use std::{io, num::NonZeroUsize};

use bytes::{Buf, Bytes};

use super::{
    block_buffer::BlockBuffer,
    compressor::{Compressor, Progress},
};

/// An encoding on its way: raw bytes in, chunks out. Knows nothing of streams, wakers or futures.
///
/// It gives the compressor what an [`ArchiveWriter`](crate::ArchiveWriter) gives it, in the same
/// order: full blocks, the last one, the end. So the bytes are the same, too.
pub(super) struct Encoding {
    compressor: Compressor,
    chunk: BlockBuffer,
    chunk_size: NonZeroUsize,
    document_ended: bool,
}

/// What one [`Encoding::step`] came to.
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
            chunk: BlockBuffer::new(chunk_size.get()),
            chunk_size,
            document_ended: false,
        }
    }

    /// For the chunks that are not begun yet.
    pub(super) fn set_chunk_size(&mut self, chunk_size: NonZeroUsize) {
        self.chunk_size = chunk_size;
        if self.chunk.len() == 0 {
            self.chunk = BlockBuffer::new(chunk_size.get());
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
                Step::Ended((self.chunk.len() > 0).then(|| self.take_chunk()))
            }
            Progress::Done if !is_full => Step::Yields,
            Progress::Done | Progress::OutputFull => Step::Chunk(self.take_chunk()),
        })
    }

    fn take_chunk(&mut self) -> Bytes {
        self.chunk.take_joined(self.chunk_size.get())
    }
}
