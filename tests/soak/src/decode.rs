//! Decoders that share nothing with those of the crates under test.

use std::io::{self, Read, Write};

use crate::hashing::Hashing;

/// Decodes what is pushed into it and hashes the outcome.
pub(crate) enum Decoder {
    Identity(Hashing),
    Gzip(Box<flate2::write::GzDecoder<Hashing>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Hashing>>),
    Brotli(Box<brotli::DecompressorWriter<Hashing>>),
}

/// What brotli decodes at once.
const BUFFER: usize = 16 * 1024;

impl Decoder {
    /// For a body with this `Content-Encoding`.
    ///
    /// # Errors
    /// When the encoding is unknown.
    pub(crate) fn of_request(encoding: Option<&str>) -> io::Result<Self> {
        let hashing = Hashing::default();
        Ok(match encoding {
            None => Self::Identity(hashing),
            Some("gzip") => Self::Gzip(Box::new(flate2::write::GzDecoder::new(hashing))),
            Some("zstd") => Self::Zstd(Box::new(zstd::stream::write::Decoder::new(hashing)?)),
            Some("br") => Self::Brotli(Box::new(brotli::DecompressorWriter::new(hashing, BUFFER))),
            Some(other) => return Err(io::Error::other(format!("encoded as {other:?}"))),
        })
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(hashing) => hashing.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Zstd(decoder) => decoder.write_all(bytes),
            Self::Brotli(decoder) => decoder.write_all(bytes),
        }
    }

    /// What was decoded, at the end of the body.
    pub(crate) fn finish(self) -> io::Result<Hashing> {
        match self {
            Self::Identity(hashing) => Ok(hashing),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zstd(mut decoder) => {
                decoder.flush()?;
                Ok(decoder.into_inner())
            }
            Self::Brotli(decoder) => decoder
                .into_inner()
                .map_err(|_| io::Error::other("the brotli stream does not end")),
        }
    }
}

/// Decodes a whole object, by the codec's name in outcomes.
///
/// # Errors
/// When it is not exactly what the codec makes.
pub(crate) fn decode_object(codec: &str, stored: &[u8]) -> io::Result<Hashing> {
    let mut hashing = Hashing::default();
    let mut reader: Box<dyn Read + '_> = match codec {
        "identity" => Box::new(stored),
        "gzip" => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(stored)?),
        "brotli" => Box::new(brotli::Decompressor::new(stored, BUFFER)),
        other => return Err(io::Error::other(format!("the codec is {other:?}"))),
    };
    io::copy(&mut reader, &mut hashing)?;
    Ok(hashing)
}
