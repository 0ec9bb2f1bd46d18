use std::io;

use async_compression::{
    codecs::DecodeV2,
    core::util::{PartialBuffer, WriteBuffer},
};
use bytes::{Buf, Bytes};

use crate::codec::CodecKind;

/// The most input that a step reads, so that one poll does not take long: 16 KiB.
const INPUT_BYTES_PER_STEP: usize = 16 * 1024;

/// The decoder and its position in the format. It knows no stores, wakers or futures.
pub(crate) struct Decompressor {
    decoder: Box<dyn DecodeV2 + Send + Sync>,
    kind: CodecKind,
    /// gzip members and Zstandard frames may follow one another (RFC 1952, 2.2; RFC 8878, 3.1).
    may_repeat: bool,
    position: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// The member has not begun.
    Start,
    /// Inside a member.
    Inside,
    /// A member has ended, and another may follow.
    Between,
}

/// What one step of a [`Decompressor`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This many bytes were written.
    Wrote(usize),
    /// Nothing, since it has no input left.
    NeedsInput,
    /// Nothing, since the encoded document has ended although there is input left.
    TrailingData,
    /// Nothing yet, but enough input was read for one poll.
    Yields,
}

impl Decompressor {
    /// `None` when the codec's feature is off.
    pub(crate) fn new(kind: CodecKind) -> Option<Self> {
        Some(Self {
            decoder: decoder(kind)?,
            kind,
            may_repeat: matches!(kind, CodecKind::Gzip | CodecKind::Zstd),
            position: Position::Start,
        })
    }

    /// Whether the document may end here: between members, not inside one.
    pub(crate) fn may_end(&self) -> bool {
        self.position == Position::Between
    }

    /// Decodes from `input`, whose read bytes are taken off, into `output`, which is not empty. Reads
    /// at most [`INPUT_BYTES_PER_STEP`].
    pub(crate) fn step(&mut self, input: &mut Bytes, output: &mut [u8]) -> io::Result<Step> {
        let mut budget = INPUT_BYTES_PER_STEP;
        while budget > 0 {
            if self.position == Position::Between {
                if input.is_empty() {
                    return Ok(Step::NeedsInput);
                }
                if !self.may_repeat {
                    return Ok(Step::TrailingData);
                }
                self.decoder.reinit()?;
                self.position = Position::Start;
            }
            let mut to = WriteBuffer::new_initialized(output);
            if input.is_empty() {
                return Ok(self.drain(&mut to));
            }
            if self.position == Position::Start {
                refuse_large_window(self.kind, input[0])?;
            }
            let mut from = PartialBuffer::new(&input[..input.len().min(budget)]);
            self.position = Position::Inside;
            if self.decoder.decode(&mut from, &mut to)? {
                self.position = Position::Between;
            }
            let (read, written) = (from.written_len(), to.written_len());
            input.advance(read);
            budget -= read;
            if written > 0 {
                return Ok(Step::Wrote(written));
            }
            if read == 0 && self.position == Position::Inside {
                return Err(io::Error::other("the decoder takes and gives nothing"));
            }
        }
        Ok(Step::Yields)
    }

    /// Without input: writes what had no room before, and finds out whether that was the end.
    fn drain(&mut self, output: &mut WriteBuffer<'_>) -> Step {
        if self.position == Position::Inside {
            // Decoders may call it an error that there is nothing to do. If it is another, it comes
            // again with more input, or the document ends inside a member, which is an error too.
            let has_ended = self
                .decoder
                .decode(&mut PartialBuffer::new(&[]), output)
                .unwrap_or(false);
            if has_ended {
                self.position = Position::Between;
            }
        }
        match output.written_len() {
            0 => Step::NeedsInput,
            written => Step::Wrote(written),
        }
    }
}

/// Refuses "large window brotli", which the decoder takes although RFC 7932 does not have it. Its window may have 1 GiB, which
/// the decoder allocates after a few hundred bytes, before any limit on its output counts. Its mark is the pattern of the
/// first seven bits that section 9.1 reserves, 0010001; the standard's own windows have at most 16 MiB.
fn refuse_large_window(kind: CodecKind, first: u8) -> io::Result<()> {
    if kind == CodecKind::Brotli && first & 0x7f == 0x11 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "brotli with a large window, which RFC 7932 does not have",
        ));
    }
    Ok(())
}

fn decoder(kind: CodecKind) -> Option<Box<dyn DecodeV2 + Send + Sync>> {
    match kind {
        #[cfg(feature = "gzip")]
        CodecKind::Gzip => Some(Box::new(async_compression::codecs::GzipDecoder::new())),
        #[cfg(feature = "zstd")]
        CodecKind::Zstd => Some(Box::new(async_compression::codecs::ZstdDecoder::new())),
        #[cfg(feature = "brotli")]
        CodecKind::Brotli => Some(Box::new(async_compression::codecs::BrotliDecoder::new())),
        _ => None,
    }
}
