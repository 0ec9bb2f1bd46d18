use crate::Sha256Digest;

/// What is known of a raw document when its object is committed.
///
/// ```
/// use archive_sink::{RawDocument, Sha256Digest};
///
/// let digest = Sha256Digest::from([7; 32]);
/// let document = RawDocument::new(1024).with_sha256(digest);
/// assert_eq!((document.bytes, document.sha256), (1024, Some(digest)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RawDocument {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, if that is known.
    pub sha256: Option<Sha256Digest>,
}

impl RawDocument {
    /// A document of so many bytes, whose digest is not known.
    pub fn new(bytes: u64) -> Self {
        let sha256 = None;
        Self { bytes, sha256 }
    }

    /// The same, with its digest.
    #[must_use]
    pub fn with_sha256(mut self, sha256: Sha256Digest) -> Self {
        self.sha256 = Some(sha256);
        self
    }
}
