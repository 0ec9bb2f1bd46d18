use object_store::path::Path;

use super::error::ReadErrorKind;
use crate::digest::{RawDocument, Sha256Digest, Sha256Hasher};

/// A document of at most this many raw bytes may have any ratio: 1 MiB.
const BYTES_OF_ANY_RATIO: u64 = 1 << 20;

/// Limits the raw bytes of a document that is read, in total and for each stored byte, against decompression bombs.
///
/// Reading takes constant memory whatever the length; the limit protects code that keeps or processes what it reads.
///
/// ```
/// use archive_sink::ReadLimit;
///
/// assert_eq!(ReadLimit::bytes(5).for_stored(1), 5);
/// assert_eq!(ReadLimit::default().for_stored(10), 1 << 20);
/// assert_eq!(ReadLimit::default().for_stored(1_000_000), 200_000_000);
/// assert_eq!(ReadLimit::default().for_stored(1 << 30), 1 << 30);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadLimit {
    bytes: u64,
    ratio: u64,
}

impl ReadLimit {
    /// Allows this many bytes at any ratio; `u64::MAX` is no limit.
    pub fn bytes(bytes: u64) -> Self {
        let ratio = u64::MAX;
        Self { bytes, ratio }
    }

    /// Also allows at most this many times the stored length, for documents of more than 1 MiB.
    #[must_use]
    pub fn with_ratio(self, ratio: u64) -> Self {
        Self { ratio, ..self }
    }

    /// Returns the limit in raw bytes for an object of this stored length.
    pub fn for_stored(self, stored_bytes: u64) -> u64 {
        let by_ratio = self.ratio.saturating_mul(stored_bytes);
        self.bytes.min(by_ratio.max(BYTES_OF_ANY_RATIO))
    }
}

/// 1 GiB, and 200 times the stored length. gzip reaches 1,032 times (<https://zlib.net/zlib_tech.html>),
/// zstd and brotli many thousand; auctions stay below 10.
impl Default for ReadLimit {
    fn default() -> Self {
        Self::bytes(1 << 30).with_ratio(200)
    }
}

/// Checks a raw document against what is known of it, while it is read.
pub(crate) struct Verifier {
    pub(crate) raw_bytes: u64,
    limit: u64,
    pub(crate) expected_bytes: Option<u64>,
    expected_digest: Option<Sha256Digest>,
    /// `None` if nothing is checked.
    hasher: Option<Sha256Hasher>,
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
            hasher: Some(Sha256Hasher::default()),
        }
    }

    /// Checks nothing: for stored bytes, whatever they encode.
    pub(crate) fn nothing() -> Self {
        let hasher = None;
        Self {
            hasher,
            ..Self::new(u64::MAX, None, None)
        }
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
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(chunk);
                }
                Ok(())
            }
        }
    }

    /// Checks the end of the document, whose object may end with a trailer. Returns the digest that was checked.
    pub(crate) fn finish(
        &self,
        location: &Path,
        trailer: Option<RawDocument>,
    ) -> Result<Option<Sha256Digest>, ReadErrorKind> {
        let Some(hasher) = &self.hasher else {
            return Ok(None);
        };
        // If objects were appended to one another, the trailer belongs to the last one only.
        let trailer = trailer.filter(|trailer| trailer.bytes >= self.raw_bytes);
        let expected_bytes = self.expected_bytes.or(trailer.map(|trailer| trailer.bytes));
        if let Some(expected) = expected_bytes
            && expected != self.raw_bytes
        {
            return Err(self.wrong_length(expected));
        }
        let of_trailer = trailer.and_then(|trailer| trailer.sha256);
        let Some(expected) = self.expected_digest.or(of_trailer) else {
            tracing::warn!(%location, "the object has no digest: what was read cannot be verified");
            return Ok(None);
        };
        let actual = hasher.finish();
        if actual == expected {
            return Ok(Some(actual));
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
