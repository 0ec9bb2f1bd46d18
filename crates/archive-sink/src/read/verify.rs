use super::error::ReadErrorKind;
use crate::digest::{Sha256Digest, Sha256Hasher};

/// Checks a raw document against all that is known of it, as it goes by.
pub(crate) struct Verifier {
    raw_bytes: u64,
    limit: u64,
    expected_bytes: Option<u64>,
    pub(super) expected_digest: Option<Sha256Digest>,
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
