use std::io;

#[cfg(feature = "brotli")]
use async_compression::codecs::BrotliEncoder;
use async_compression::{
    codecs::EncodeV2,
    core::util::{PartialBuffer, WriteBuffer},
};

use super::part_buffer::PartBuffer;
use crate::{Codec, CodecKind};

/// Codecs are fed blocks of this size, whatever the sizes of the writes: 16 KiB.
pub(crate) const INPUT_BLOCK_BYTES: usize = 16 * 1024;

/// The codec and the block of input before it. Knows nothing of stores, wakers or futures.
///
/// Input reaches the codec at multiples of [`INPUT_BLOCK_BYTES`], and output space ends where parts
/// end, so the same bytes always give the same object.
pub(crate) struct Compressor {
    encoder: Box<dyn EncodeV2 + Send + Sync>,
    /// Whether finishing writes anything: identity has nothing to write then.
    has_trailer: bool,
    block: Vec<u8>,
    encoded: usize,
}

/// Where an operation of a [`Compressor`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is done.
    Done,
    /// The part is full: call again with another.
    PartFull,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Compressor")
            .field("staged", &self.block.len())
            .field("encoded", &self.encoded)
            .finish_non_exhaustive()
    }
}

impl Compressor {
    /// `None` when the codec's feature is off.
    pub(crate) fn new(codec: Codec) -> Option<Self> {
        Some(Self {
            encoder: encoder(codec)?,
            has_trailer: codec.kind() != CodecKind::Identity,
            block: Vec::new(),
            encoded: 0,
        })
    }

    /// What is waiting for the codec.
    pub(crate) fn staged(&self) -> &[u8] {
        &self.block
    }

    pub(crate) fn is_block_full(&self) -> bool {
        self.block.len() == INPUT_BLOCK_BYTES
    }

    /// Copies as much of `input` as the block has room for, and says how much that was.
    pub(crate) fn stage(&mut self, input: &[u8]) -> usize {
        if self.block.capacity() == 0 {
            self.block.reserve_exact(INPUT_BLOCK_BYTES);
        }
        let amount = input.len().min(INPUT_BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&input[..amount]);
        amount
    }

    /// Encodes the block into `part`.
    pub(crate) fn encode(&mut self, part: &mut PartBuffer) -> io::Result<Progress> {
        while self.encoded < self.block.len() {
            if part.is_full() {
                return Ok(Progress::PartFull);
            }
            let mut input = PartialBuffer::new(&self.block[self.encoded..]);
            let mut output = WriteBuffer::new_initialized(part.spare());
            self.encoder.encode(&mut input, &mut output)?;
            let (read, written) = (input.written_len(), output.written_len());
            if read == 0 && written == 0 {
                return Err(io::Error::other("the encoder takes and gives nothing"));
            }
            part.advance(written);
            self.encoded += read;
        }
        self.block.clear();
        self.encoded = 0;
        Ok(Progress::Done)
    }

    /// Writes all that the codec still holds and its trailer. After [`encode`](Self::encode).
    pub(crate) fn finish(&mut self, part: &mut PartBuffer) -> io::Result<Progress> {
        while self.has_trailer {
            if part.is_full() {
                return Ok(Progress::PartFull);
            }
            let mut output = WriteBuffer::new_initialized(part.spare());
            let done = self.encoder.finish(&mut output)?;
            let written = output.written_len();
            part.advance(written);
            if done {
                return Ok(Progress::Done);
            }
            if written == 0 {
                return Err(io::Error::other("the encoder does not finish"));
            }
        }
        Ok(Progress::Done)
    }
}

fn encoder(codec: Codec) -> Option<Box<dyn EncodeV2 + Send + Sync>> {
    if !codec.kind().is_compiled() {
        return None;
    }
    Some(match codec.kind() {
        CodecKind::Identity => Box::new(Identity),
        #[cfg(feature = "gzip")]
        CodecKind::Gzip => Box::new(async_compression::codecs::GzipEncoder::new(
            async_compression::Level::Precise(level(codec)).into(),
        )),
        #[cfg(feature = "zstd")]
        CodecKind::Zstd => Box::new(async_compression::codecs::ZstdEncoder::new_with_params(
            level(codec),
            &[async_compression::zstd::CParameter::checksum_flag(true)],
        )),
        #[cfg(feature = "brotli")]
        CodecKind::Brotli => Box::new(BrotliEncoder::new(
            async_compression::brotli::EncoderParams::default()
                .quality(async_compression::Level::Precise(level(codec))),
        )),
        #[cfg(not(all(feature = "gzip", feature = "zstd", feature = "brotli")))]
        _ => return None,
    })
}

#[cfg(any(feature = "gzip", feature = "zstd", feature = "brotli"))]
fn level(codec: Codec) -> i32 {
    codec.level().unwrap_or_default().into()
}

#[derive(Debug)]
struct Identity;

impl EncodeV2 for Identity {
    fn encode(
        &mut self,
        input: &mut PartialBuffer<&[u8]>,
        output: &mut WriteBuffer<'_>,
    ) -> io::Result<()> {
        output.copy_unwritten_from(input);
        Ok(())
    }

    fn flush(&mut self, _output: &mut WriteBuffer<'_>) -> io::Result<bool> {
        Ok(true)
    }

    fn finish(&mut self, _output: &mut WriteBuffer<'_>) -> io::Result<bool> {
        Ok(true)
    }
}
