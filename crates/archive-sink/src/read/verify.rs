use super::error::ReadErrorKind;
use crate::digest::{Sha256Digest, Sha256Hasher};

/// Checks a raw document against all that is known of it, as it goes by.
pub(crate) struct Verifier {
    raw_bytes: u64,
    limit: u64,
    expected_bytes: Option<u64>,
    expected_digest: Option<Sha256Digest>,
    hasher: Sha256Hasher,
}

impl Verifier {
    pub(crate) fn new(
        limit: u64,
        expected_bytes: Option<u64>,
        expected_digest: Option<Sha256Digest>,
    ) -> Self {
        Self {
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
    pub(crate) fn update(&mut self, chunk: &[u8]) -> Result<(), ReadErrorKind> {
        self.raw_bytes += chunk.len() as u64;
        if self.raw_bytes > self.limit {
            return Err(ReadErrorKind::TooLarge(self.limit));
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
    pub(crate) fn finish(&self) -> Result<(), ReadErrorKind> {
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
        Err(ReadErrorKind::Digest { expected, actual })
    }

    fn wrong_length(&self, expected: u64) -> ReadErrorKind {
        ReadErrorKind::Length {
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
    /// At most this many bytes; `u64::MAX` is no limit.
    pub fn bytes(bytes: u64) -> Self {
        Self::ratio(0, bytes)
    }

    /// This many times the stored length, or `bytes`, whichever is more.
    pub fn ratio(times_stored: u64, bytes: u64) -> Self {
        Self {
            bytes,
            times_stored,
        }
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
