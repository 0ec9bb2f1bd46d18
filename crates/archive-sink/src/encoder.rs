use std::{io, ops::Range};

use async_compression::{
    codecs::EncodeV2,
    core::util::{PartialBuffer, WriteBuffer},
};
use bytes::{Buf, Bytes, BytesMut};
use object_store::{PutPayload, PutPayloadMut};

use crate::{
    codec::{Codec, CodecError, CodecKind},
    digest::Sha256Hasher,
};

/// The codec gets its input in blocks of this size, whatever the sizes of the writes: 32 KiB.
///
/// A poll ends after each. Shorter ones cost processor time, since each wakes an idle worker of the runtime for nothing; longer ones
/// keep other tasks waiting.
pub(crate) const INPUT_BLOCK_BYTES: usize = 32 * 1024;

/// The codec always has this much room for its output: 16 KiB, enough for what a block of compressible input becomes.
const SPACE_BYTES: usize = 16 * 1024;

/// The size of one allocation of output.
///
/// Below the allocator's threshold for mapping fresh pages, so that blocks are reused from one part
/// to the next, and large enough that a part of 5 MiB has only 80.
const BLOCK_BYTES: usize = 64 * 1024;

/// After this many empty chunks in a row, a poll yields.
pub(crate) const EMPTY_CHUNKS_PER_POLL: usize = 32;

/// Raw bytes in, encoded bytes out: the codec with the blocks before and behind it. It knows no stores, wakers or
/// futures.
///
/// The same bytes are always encoded the same, however they come and wherever they go. Input reaches the codec at
/// multiples of [`INPUT_BLOCK_BYTES`]. The codec always finds the same output space, because DEFLATE encoders stop in
/// the middle of a search where that ends and go on differently; what it wrote is copied into the output.
pub(crate) struct Encoder {
    /// `None` for identity.
    codec: Option<Box<dyn EncodeV2 + Send + Sync>>,
    /// Hashes the raw bytes, if anyone wants their digest.
    pub(crate) hasher: Option<Sha256Hasher>,
    /// Input that is short of a block.
    block: BytesMut,
    /// The block that is being encoded.
    input: Bytes,
    end: End,
    space: Vec<u8>,
    /// What the codec has written into `space` and the output has not taken yet.
    written: Range<usize>,
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More input may come.
    Open,
    /// All input has come.
    Reached,
    /// The codec has written its trailer.
    Written,
}

/// Where [`Encoder::step`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The block is encoded, or the codec has finished.
    Done,
    /// The output is full: take it, and call again.
    OutputFull,
}

impl Encoder {
    /// Creates an encoder whose output holds `capacity` bytes.
    ///
    /// # Errors
    ///
    /// If the codec's feature is off, or the codec does not have this level.
    pub(crate) fn new(codec: Codec, capacity: usize) -> Result<Self, CodecError> {
        codec.check()?;
        let codec = encoder(codec);
        let space = vec![0; codec.as_ref().map_or(0, |_| SPACE_BYTES)];
        Ok(Self {
            codec,
            space,
            ..Self::pass_through(capacity)
        })
    }

    /// Creates an encoder that passes on what it is given.
    pub(crate) fn pass_through(capacity: usize) -> Self {
        Self {
            codec: None,
            hasher: None,
            block: BytesMut::new(),
            input: Bytes::new(),
            end: End::Open,
            space: Vec::new(),
            written: 0..0,
            output: Output::new(capacity),
        }
    }

    /// Whether there is something to encode: a full block, or the end. Until then it takes input, afterwards only
    /// [`step`](Self::step) is of use.
    pub(crate) fn has_work(&self) -> bool {
        !self.input.is_empty() || !self.written.is_empty() || self.end == End::Reached
    }

    /// Whether [`end`](Self::end) was called.
    pub(crate) fn has_ended(&self) -> bool {
        self.end != End::Open
    }

    /// Whether everything is in the output.
    pub(crate) fn is_finished(&self) -> bool {
        self.end == End::Written && self.written.is_empty()
    }

    /// Copies as much of `input` as the block has room for, and returns how much that was.
    pub(crate) fn take(&mut self, input: &[u8]) -> usize {
        if !self.input.is_empty() {
            return 0;
        }
        let amount = input.len().min(INPUT_BLOCK_BYTES - self.block.len());
        self.block.reserve(INPUT_BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&input[..amount]);
        if self.block.len() == INPUT_BLOCK_BYTES {
            self.start_block();
        }
        amount
    }

    /// As [`take`](Self::take), but a whole block is not copied.
    pub(crate) fn take_chunk(&mut self, chunk: &mut Bytes) -> usize {
        if self.block.is_empty() && chunk.len() >= INPUT_BLOCK_BYTES && self.input.is_empty() {
            self.start(chunk.split_to(INPUT_BLOCK_BYTES));
            return INPUT_BLOCK_BYTES;
        }
        let amount = self.take(chunk);
        chunk.advance(amount);
        amount
    }

    /// Ends the input. Only when there is no other work.
    pub(crate) fn end(&mut self) {
        if self.end == End::Open {
            self.start_block();
            self.end = End::Reached;
        }
    }

    fn start_block(&mut self) {
        let block = self.block.split().freeze();
        self.start(block);
    }

    fn start(&mut self, block: Bytes) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&block);
        }
        self.input = block;
    }

    /// Encodes the block, or else writes the codec's trailer, as far as the output has room.
    pub(crate) fn step(&mut self) -> io::Result<Progress> {
        let may_finish = self.input.is_empty();
        loop {
            let written = &self.space[self.written.clone()];
            self.written.start += self.output.append(written);
            if !self.written.is_empty() {
                return Ok(Progress::OutputFull);
            }
            if !self.input.is_empty() {
                let encoded = match &mut self.codec {
                    None if self.output.is_full() => return Ok(Progress::OutputFull),
                    None => self.output.append(&self.input),
                    Some(codec) => {
                        let mut input = PartialBuffer::new(&self.input[..]);
                        let mut space = WriteBuffer::new_initialized(&mut self.space);
                        codec.encode(&mut input, &mut space)?;
                        self.written = 0..space.written_len();
                        input.written_len()
                    }
                };
                if encoded == 0 && self.written.is_empty() {
                    return Err(io::Error::other("the encoder takes and gives nothing"));
                }
                self.input.advance(encoded);
                if self.input.is_empty() {
                    // Its memory is free for the next block.
                    self.input = Bytes::new();
                }
            } else if self.end == End::Reached && may_finish {
                let finished = match &mut self.codec {
                    None => true,
                    Some(codec) => {
                        let mut space = WriteBuffer::new_initialized(&mut self.space);
                        let finished = codec.finish(&mut space)?;
                        self.written = 0..space.written_len();
                        finished
                    }
                };
                if finished {
                    self.end = End::Written;
                } else if self.written.is_empty() {
                    return Err(io::Error::other("the encoder does not finish"));
                }
            } else {
                return Ok(Progress::Done);
            }
        }
    }
}

/// `None` for identity, and for a codec whose feature is off.
fn encoder(codec: Codec) -> Option<Box<dyn EncodeV2 + Send + Sync>> {
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
        CodecKind::Brotli => Some(Box::new(async_compression::codecs::BrotliEncoder::new(
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

/// The part or chunk that is being filled. The store gets its blocks themselves, so nothing is copied on the way out.
pub(crate) struct Output {
    bytes: PutPayloadMut,
    room: usize,
}

impl Output {
    fn new(capacity: usize) -> Self {
        Self {
            bytes: PutPayloadMut::new().with_block_size(BLOCK_BYTES.min(capacity)),
            room: capacity,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.room == 0
    }

    /// Copies as many bytes as there is room for, and returns how many that were.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> usize {
        let amount = bytes.len().min(self.room);
        self.bytes.extend_from_slice(&bytes[..amount]);
        self.room -= amount;
        amount
    }

    /// Hands out the blocks, and starts again with room for `capacity` bytes.
    pub(crate) fn take(&mut self, capacity: usize) -> PutPayload {
        std::mem::replace(self, Self::new(capacity)).bytes.freeze()
    }

    /// As [`take`](Self::take), but joined in memory of exactly their size. A single full block is not copied.
    pub(crate) fn take_joined(&mut self, capacity: usize) -> Bytes {
        let is_full = self.is_full();
        match self.take(capacity).as_ref() {
            [only] if is_full => only.clone(),
            blocks => blocks.concat().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes into space that ends after every `size` bytes.
    fn encode(codec: Codec, document: &[u8], size: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(codec, size).unwrap();
        let (mut written, mut rest) = (vec![], document);
        while !encoder.is_finished() {
            while encoder.has_work() {
                if encoder.step().unwrap() == Progress::OutputFull {
                    written.extend(encoder.output.take_joined(size));
                }
            }
            if rest.is_empty() {
                encoder.end();
            } else {
                rest = &rest[encoder.take(rest)..];
            }
        }
        written.extend(encoder.output.take_joined(size));
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

    fn fill(output: &mut Output, bytes: &[u8]) -> usize {
        let pieces = bytes.chunks(INPUT_BLOCK_BYTES);
        pieces.map(|piece| output.append(piece)).sum()
    }

    /// How much memory a piece keeps that nothing shares.
    fn memory_of(piece: Bytes) -> usize {
        piece.try_into_mut().unwrap().capacity()
    }

    #[test]
    fn output_holds_its_capacity_in_blocks_and_no_byte_more() {
        for capacity in [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(capacity + 7).collect();
            let mut output = Output::new(capacity);
            assert_eq!(fill(&mut output, &bytes), capacity);
            assert!(output.is_full() && output.append(b"x") == 0);
            let payload = output.take(3);
            assert!(payload.iter().all(|block| block.len() <= BLOCK_BYTES));
            assert_eq!(
                Vec::from_iter(payload.iter().flatten().copied()),
                bytes[..capacity]
            );
            assert!(output.is_empty() && fill(&mut output, &bytes) == 3);
        }
    }

    #[test]
    fn a_joined_piece_has_the_bytes_and_memory_of_just_their_size() {
        for capacity in [1, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * BLOCK_BYTES + 1] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(capacity + 9).collect();
            for filled in [capacity, capacity - 1] {
                let mut output = Output::new(capacity);
                fill(&mut output, &bytes[..filled]);
                let taken = output.take_joined(capacity);
                assert_eq!(taken, bytes[..filled]);
                assert!(output.is_empty());
                if filled > 0 {
                    assert_eq!(memory_of(taken), filled);
                }
            }
        }
    }

    #[test]
    fn a_short_piece_takes_no_more_memory_because_it_could_be_large() {
        let mut output = Output::new(usize::MAX);
        assert_eq!(fill(&mut output, &[7; 3]), 3);
        let taken = output.take_joined(1);
        assert_eq!(taken, [7; 3].as_slice());
        assert_eq!(memory_of(taken), 3);
        assert_eq!(fill(&mut output, &[7; 3]), 1);
    }

    #[test]
    fn untouched_output_is_empty() {
        let mut output = Output::new(8);
        assert_eq!(output.take(8).content_length(), 0);
        assert!(output.take_joined(8).is_empty());
    }
}
