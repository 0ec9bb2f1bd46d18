use object_store::path::Path;

use super::error::ReadError;
use crate::digest::{Sha256Digest, Sha256Hasher};

/// Checks a raw document against all that is known of it, as it goes by.
#[derive(Debug)]
pub(crate) struct Verifier {
    location: Path,
    raw_bytes: u64,
    limit: u64,
    expected_bytes: Option<u64>,
    expected_digest: Option<Sha256Digest>,
    hasher: Sha256Hasher,
}

impl Verifier {
    pub(crate) fn new(
        location: Path,
        limit: u64,
        expected_bytes: Option<u64>,
        expected_digest: Option<Sha256Digest>,
    ) -> Self {
        Self {
            location,
            raw_bytes: 0,
            limit,
            expected_bytes,
            expected_digest,
            hasher: Sha256Hasher::default(),
        }
    }

    pub(crate) fn expected_bytes(&self) -> Option<u64> {
        self.expected_bytes
    }

    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// The next piece of the document.
    pub(crate) fn update(&mut self, chunk: &[u8]) -> Result<(), ReadError> {
        self.raw_bytes += chunk.len() as u64;
        if self.raw_bytes > self.limit {
            return Err(ReadError::TooLarge {
                location: self.location.clone(),
                limit: self.limit,
            });
        }
        match self.expected_bytes {
            Some(expected) if self.raw_bytes > expected => Err(self.wrong_length(expected)),
            _ => {
                if self.expected_digest.is_some() {
                    self.hasher.update(chunk);
                }
                Ok(())
            }
        }
    }

    /// The document has ended.
    pub(crate) fn finish(&self) -> Result<(), ReadError> {
        if let Some(expected) = self.expected_bytes
            && expected != self.raw_bytes
        {
            return Err(self.wrong_length(expected));
        }
        let Some(expected) = self.expected_digest else {
            return Ok(());
        };
        let actual = self.hasher.finish();
        if actual == expected {
            return Ok(());
        }
        Err(ReadError::Digest {
            location: self.location.clone(),
            expected,
            actual,
        })
    }

    fn wrong_length(&self, expected: u64) -> ReadError {
        ReadError::Length {
            location: self.location.clone(),
            expected,
            actual: self.raw_bytes,
        }
    }
}

/// How many raw bytes a document that is read may have, against decompression bombs.
///
/// Reading takes constant memory whatever the length; the limit protects those who keep or work on
/// what they read.
///
/// ```
/// use archive_sink::ReadLimit;
///
/// assert_eq!(ReadLimit::bytes(5).for_stored(1), 5);
/// assert_eq!(ReadLimit::default().for_stored(10), 1 << 30);
/// assert_eq!(ReadLimit::default().for_stored(1 << 30), 1_000 << 30);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadLimit {
    bytes: u64,
    times_stored: u64,
}

impl ReadLimit {
    /// At most this many bytes.
    pub fn bytes(bytes: u64) -> Self {
        Self {
            bytes,
            times_stored: 0,
        }
    }

    /// This many times the stored length, or `bytes`, whichever is more.
    pub fn ratio(times_stored: u64, bytes: u64) -> Self {
        Self {
            bytes,
            times_stored,
        }
    }

    /// No limit.
    pub fn none() -> Self {
        Self::bytes(u64::MAX)
    }

    /// The limit in raw bytes for an object of this stored length.
    pub fn for_stored(self, stored_bytes: u64) -> u64 {
        self.bytes
            .max(self.times_stored.saturating_mul(stored_bytes))
    }
}

/// 1 GiB, or 1,000 times the stored length when that is more. gzip reaches at most 1,032 times
/// (<https://zlib.net/zlib_tech.html>); JSON reaches 10 to 50.
impl Default for ReadLimit {
    fn default() -> Self {
        Self::ratio(1_000, 1 << 30)
    }
}
