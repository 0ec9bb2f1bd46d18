//! Decoders that share nothing with those of the crates under test.

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// What brotli decodes at once.
const BUFFER: usize = 16 * 1024;

/// Decodes a whole object, by the codec's name in outcomes, or a whole body, by its `Content-Encoding`.
pub(crate) fn decode(codec: &str, stored: &[u8]) -> io::Result<Hashing> {
    let mut hashing = Hashing::default();
    let mut reader: Box<dyn Read + '_> = match codec {
        "identity" => Box::new(stored),
        "gzip" => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(stored)?),
        "brotli" | "br" => Box::new(brotli::Decompressor::new(stored, BUFFER)),
        other => return Err(io::Error::other(format!("the codec is {other:?}"))),
    };
    io::copy(&mut reader, &mut hashing)?;
    Ok(hashing)
}

/// Counts and hashes what is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashing {
    bytes: u64,
    sha256: Sha256,
}

impl Hashing {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            sha256: Sha256::new_with_prefix(bytes),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// In lower-case hex, as reports have it.
    pub(crate) fn sha256(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in self.sha256.clone().finalize() {
            let _infallible = write!(hex, "{byte:02x}");
        }
        hex
    }
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
