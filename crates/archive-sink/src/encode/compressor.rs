use std::io;

#[cfg(feature = "brotli")]
use async_compression::codecs::BrotliEncoder;
use async_compression::{
    codecs::EncodeV2,
    core::util::{PartialBuffer, WriteBuffer},
};
use bytes::{Buf, Bytes};

use super::block_buffer::BlockBuffer;
use crate::codec::{Codec, CodecError, CodecKind};

/// Codecs are fed blocks of this size, whatever the sizes of the writes: 16 KiB.
pub(crate) const INPUT_BLOCK_BYTES: usize = 16 * 1024;

type Encoder = Box<dyn EncodeV2 + Send + Sync>;

/// The codec and the blocks before and behind it. Knows nothing of stores, wakers or futures.
///
/// Input reaches the codec at multiples of [`INPUT_BLOCK_BYTES`], and its output space is always the same,
/// so the same bytes are always encoded the same, however they come and wherever they go.
pub(crate) struct Compressor {
    /// `None` for identity.
    encoder: Option<Encoder>,
    block: Vec<u8>,
    /// A whole block that was not copied. The other one is empty then.
    whole: Bytes,
    encoded: usize,
    spill: Spill,
    finished: bool,
}

/// Where an operation of a [`Compressor`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is done.
    Done,
    /// The output is full: call again with another.
    OutputFull,
}

impl Compressor {
    /// # Errors
    ///
    /// When the codec's feature is off, or its level is one that it does not have.
    pub(crate) fn new(codec: Codec) -> Result<Self, CodecError> {
        codec.check()?;
        Ok(Self {
            encoder: encoder(codec),
            ..Self::pass_through()
        })
    }

    /// Passes on what it is given.
    pub(crate) fn pass_through() -> Self {
        Self {
            encoder: None,
            block: Vec::new(),
            whole: Bytes::new(),
            encoded: 0,
            spill: Spill::default(),
            finished: false,
        }
    }

    /// What is waiting for the codec.
    pub(crate) fn staged(&self) -> &[u8] {
        if self.whole.is_empty() {
            &self.block
        } else {
            &self.whole
        }
    }

    pub(crate) fn is_block_full(&self) -> bool {
        self.staged().len() == INPUT_BLOCK_BYTES
    }

    /// Copies as much of `input` as the block has room for, and says how much that was.
    pub(crate) fn stage(&mut self, input: &[u8]) -> usize {
        if self.block.capacity() == 0 {
            self.block.reserve_exact(INPUT_BLOCK_BYTES);
        }
        let amount = input.len().min(INPUT_BLOCK_BYTES - self.staged().len());
        self.block.extend_from_slice(&input[..amount]);
        amount
    }

    /// Takes as much of `chunk` as the block has room for, and says how much that was. A whole block is not copied.
    pub(crate) fn stage_chunk(&mut self, chunk: &mut Bytes) -> usize {
        if self.staged().is_empty() && chunk.len() >= INPUT_BLOCK_BYTES {
            self.whole = chunk.split_to(INPUT_BLOCK_BYTES);
            return INPUT_BLOCK_BYTES;
        }
        let amount = self.stage(chunk);
        chunk.advance(amount);
        amount
    }

    /// Encodes the block into `output`.
    pub(crate) fn encode(&mut self, output: &mut BlockBuffer) -> io::Result<Progress> {
        loop {
            if !self.spill.move_into(output) {
                return Ok(Progress::OutputFull);
            }
            let whole = if self.whole.is_empty() {
                &self.block[..]
            } else {
                &self.whole[..]
            };
            let block = &whole[self.encoded..];
            if block.is_empty() {
                break;
            }
            self.encoded += match &mut self.encoder {
                Some(encoder) => encode(&mut **encoder, block, &mut self.spill)?,
                None if output.is_full() => return Ok(Progress::OutputFull),
                None => output.copy(block),
            };
        }
        self.block.clear();
        self.whole = Bytes::new();
        self.encoded = 0;
        Ok(Progress::Done)
    }

    /// Writes all that the codec still holds and its trailer. After [`encode`](Self::encode).
    pub(crate) fn finish(&mut self, output: &mut BlockBuffer) -> io::Result<Progress> {
        loop {
            if !self.spill.move_into(output) {
                return Ok(Progress::OutputFull);
            }
            let encoder = match &mut self.encoder {
                Some(encoder) if !self.finished => encoder,
                _ => return Ok(Progress::Done),
            };
            self.finished = finish(&mut **encoder, &mut self.spill)?;
        }
    }
}

/// Says how much of `block` was encoded.
fn encode(encoder: &mut dyn EncodeV2, block: &[u8], spill: &mut Spill) -> io::Result<usize> {
    let mut input = PartialBuffer::new(block);
    let mut space = spill.space();
    encoder.encode(&mut input, &mut space)?;
    let (read, written) = (input.written_len(), space.written_len());
    spill.advance(written);
    if read == 0 && written == 0 {
        return Err(io::Error::other("the encoder takes and gives nothing"));
    }
    Ok(read)
}

/// Says whether the encoder has finished.
fn finish(encoder: &mut dyn EncodeV2, spill: &mut Spill) -> io::Result<bool> {
    let mut space = spill.space();
    let finished = encoder.finish(&mut space)?;
    let written = space.written_len();
    spill.advance(written);
    if !finished && written == 0 {
        return Err(io::Error::other("the encoder does not finish"));
    }
    Ok(finished)
}

/// `None` for identity, and for a codec whose feature is off.
fn encoder(codec: Codec) -> Option<Encoder> {
    match codec.kind() {
        CodecKind::Identity => None,
        #[cfg(feature = "gzip")]
        CodecKind::Gzip => Some(Box::new(async_compression::codecs::GzipEncoder::new(
            async_compression::Level::Precise(level(codec)).into(),
        ))),
        #[cfg(feature = "zstd")]
        CodecKind::Zstd => {
            use async_compression::zstd::CParameter;
            // Levels from 20 on would take more, which browsers and decoders that keep to RFC 9659 refuse.
            let window = (level(codec) > 19).then(|| CParameter::window_log(23));
            let checksum = Some(CParameter::checksum_flag(true));
            let parameters: Vec<_> = checksum.into_iter().chain(window).collect();
            Some(Box::new(
                async_compression::codecs::ZstdEncoder::new_with_params(level(codec), &parameters),
            ))
        }
        #[cfg(feature = "brotli")]
        CodecKind::Brotli => Some(Box::new(BrotliEncoder::new(
            async_compression::brotli::EncoderParams::default()
                .quality(async_compression::Level::Precise(level(codec))),
        ))),
        #[cfg(not(all(feature = "gzip", feature = "zstd", feature = "brotli")))]
        _ => None,
    }
}

#[cfg(any(feature = "gzip", feature = "zstd", feature = "brotli"))]
fn level(codec: Codec) -> i32 {
    codec.level().unwrap_or_default().into()
}

/// How much room a codec always finds for its output: 16 KiB, which is enough for whatever a block of
/// input usually becomes.
const SPILL_BYTES: usize = 16 * 1024;

/// Where a codec writes, before it is known how much room there is elsewhere.
///
/// What DEFLATE encoders write depends on where their output space ends: they stop in the middle of a
/// search then, and go on differently. So the space is always the same, and what is written is copied on.
#[derive(Default)]
struct Spill {
    bytes: Vec<u8>,
    moved: usize,
    written: usize,
}

impl Spill {
    /// Moves as much into `output` as it has room for. Says whether that was all.
    fn move_into(&mut self, output: &mut BlockBuffer) -> bool {
        while self.moved < self.written && !output.is_full() {
            let rest = &self.bytes[self.moved..self.written];
            self.moved += output.copy(rest);
        }
        self.moved == self.written
    }

    /// The whole space. Only when all has been moved.
    fn space(&mut self) -> WriteBuffer<'_> {
        debug_assert_eq!(self.moved, self.written, "what is there would be lost");
        self.bytes.resize(SPILL_BYTES, 0);
        WriteBuffer::new_initialized(&mut self.bytes)
    }

    /// Takes over the first `amount` bytes of the [`space`](Self::space).
    fn advance(&mut self, amount: usize) {
        self.moved = 0;
        self.written = amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes into space that ends after every `size` bytes.
    fn encode(codec: Codec, document: &[u8], size: usize) -> Vec<u8> {
        let mut compressor = Compressor::new(codec).unwrap();
        let (mut output, mut written) = (BlockBuffer::new(size), vec![]);
        let mut rest = document;
        while !rest.is_empty() {
            rest = &rest[compressor.stage(rest)..];
            while compressor.encode(&mut output).unwrap() == Progress::OutputFull {
                written.extend(output.take_joined(size));
            }
        }
        while compressor.finish(&mut output).unwrap() == Progress::OutputFull {
            written.extend(output.take_joined(size));
        }
        written.extend(output.take_joined(size));
        written
    }

    /// Half of it compresses and half does not, in stretches that end anywhere.
    fn document(bytes: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut document = Vec::with_capacity(bytes + 64);
        while document.len() < bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if document.len() % 50_021 < 25_000 {
                document
                    .extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
            } else {
                document.extend_from_slice(format!("{{\"uid\":\"{state}\"}},").as_bytes());
            }
        }
        document.truncate(bytes);
        document
    }

    /// An archive's parts and a stream's chunks end at different places. Without space of its own, gzip
    /// fails this.
    #[test]
    fn what_is_written_does_not_depend_on_where_output_ends() {
        for kind in CodecKind::ALL.into_iter().filter(|kind| kind.is_compiled()) {
            // Higher ones take long, and use no other space.
            let levels = kind
                .levels()
                .into_iter()
                .flatten()
                .take_while(|level| *level < 8);
            let codecs: Vec<_> = match kind {
                CodecKind::Identity => vec![Codec::Identity],
                _ => levels
                    .map(|level| Codec::with_level(kind, level).unwrap())
                    .collect(),
            };
            for codec in codecs {
                for bytes in [0, 1, INPUT_BLOCK_BYTES, 128 * 1024, 300_001] {
                    let document = document(bytes);
                    let whole = encode(codec, &document, 1 << 21);
                    for size in [1, 4096, 40_000, 65_536] {
                        let cut = encode(codec, &document, size);
                        assert!(cut == whole, "{codec}, {bytes} bytes, cut every {size}");
                    }
                }
            }
        }
    }

    /// RFC 9659: decoders of HTTP content need not take larger ones.
    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_declares_windows_of_at_most_8_mib() {
        let document = document(300_001);
        for level in [1, 17, 19, 20, 21, 22] {
            let frame = encode(Codec::zstd(level).unwrap(), &document, 1 << 21);
            // RFC 8878, section 3.1.1: magic number, descriptor, window.
            let (descriptor, window) = (frame[4], frame[5]);
            assert_eq!(descriptor & 1 << 5, 0, "not in a single segment");
            let base = 1_u64 << (10 + (window >> 3));
            let window = base + base / 8 * u64::from(window & 7);
            assert!(window <= 8 << 20, "level {level}: {window} bytes");
            assert!(
                level < 17 || window == 8 << 20,
                "level {level}: {window} bytes"
            );
        }
    }
}
