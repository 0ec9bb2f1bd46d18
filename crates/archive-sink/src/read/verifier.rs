use object_store::path::Path;

use crate::{ReadError, Sha256Digest, clock::Clock, digest::Hasher};

/// Checks a raw document against all that is known of it, as it goes by.
#[derive(Debug)]
pub(crate) struct Verifier {
    location: Path,
    raw_bytes: u64,
    limit: u64,
    expected_bytes: Option<u64>,
    expected_digest: Option<Sha256Digest>,
    hasher: Hasher,
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
            hasher: Hasher::new(expected_digest.is_some(), Clock::system()),
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
                self.hasher.update(chunk);
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
        match (self.expected_digest, self.hasher.clone().finish()) {
            (Some(expected), Some(actual)) if expected != actual => Err(ReadError::Digest {
                location: self.location.clone(),
                expected,
                actual,
            }),
            _ => Ok(()),
        }
    }

    fn wrong_length(&self, expected: u64) -> ReadError {
        ReadError::Length {
            location: self.location.clone(),
            expected,
            actual: self.raw_bytes,
        }
    }
}
