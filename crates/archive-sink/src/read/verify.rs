use object_store::path::Path;

use super::error::ReadErrorKind;
use crate::digest::{RawDocument, Sha256Digest, Sha256Hasher};

/// Checks a raw document against all that is known of it, as it goes by.
pub(crate) struct Verifier {
    pub(crate) raw_bytes: u64,
    limit: u64,
    pub(crate) expected_bytes: Option<u64>,
    expected_digest: Option<Sha256Digest>,
    /// `None` when the document is not looked at.
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

    /// The document has ended, and its object with this trailer, if it has one. Returns the digest that was
    /// checked.
    pub(crate) fn finish(
        &self,
        location: &Path,
        trailer: Option<RawDocument>,
    ) -> Result<Option<Sha256Digest>, ReadErrorKind> {
        let Some(hasher) = &self.hasher else {
            return Ok(None);
        };
        // Where objects were appended to one another, the trailer is of the last alone.
        let trailer = trailer.filter(|trailer| trailer.bytes >= self.raw_bytes);
        let expected_bytes = self.expected_bytes.or(trailer.map(|trailer| trailer.bytes));
        if let Some(expected) = expected_bytes
            && expected != self.raw_bytes
        {
            return Err(self.wrong_length(expected));
        }
        let of_trailer = trailer.and_then(|trailer| trailer.sha256);
        let Some(expected) = self.expected_digest.or(of_trailer) else {
            tracing::warn!(%location, "it has no digest: what was read cannot be verified");
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
