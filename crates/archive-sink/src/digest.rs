use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256. Displays as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits, of either case.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

impl From<[u8; 32]> for Sha256Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sha256Digest({self})")
    }
}

/// Computes a [`Sha256Digest`] piece by piece.
///
/// It is cheap to clone and can continue after [`finish`](Self::finish), so that another run through the same document can
/// carry on.
///
/// ```
/// use archive_sink::Sha256Hasher;
///
/// let mut hasher = Sha256Hasher::default();
/// hasher.update(b"{\"orders\":[");
/// let mut with_a_tail = hasher.clone();
/// with_a_tail.update(b"]}");
/// hasher.update(b"]}");
/// assert_eq!(hasher.finish(), with_a_tail.finish());
/// assert!(hasher.finish().to_string().starts_with("e031acd7"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sha256Hasher(Sha256);

impl Sha256Hasher {
    /// Hashes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Returns the digest of all pieces so far. More may follow.
    pub fn finish(&self) -> Sha256Digest {
        Sha256Digest(self.0.clone().finalize().into())
    }
}

/// A raw document's length and, if known, its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RawDocument {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, if known.
    pub sha256: Option<Sha256Digest>,
}

impl RawDocument {
    /// A document of this length, without a digest.
    pub fn new(bytes: u64) -> Self {
        let sha256 = None;
        Self { bytes, sha256 }
    }

    /// Adds the digest.
    #[must_use]
    pub fn with_sha256(mut self, sha256: Sha256Digest) -> Self {
        self.sha256 = Some(sha256);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example, "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_pieces_as_it_hashes_the_whole() {
        let mut hasher = Sha256Hasher::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish().to_string(), ABC);
    }

    #[test]
    fn goes_on_after_it_was_asked() {
        let mut hasher = Sha256Hasher::default();
        hasher.update(b"ab");
        assert_ne!(hasher.finish().to_string(), ABC);
        hasher.update(b"c");
        assert_eq!(hasher.finish().to_string(), ABC);
    }

    #[test]
    fn reads_its_own_text_in_either_case_and_nothing_else() {
        let digest = Sha256Digest::from_hex(ABC).unwrap();
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(Sha256Digest::from_hex(&ABC.to_uppercase()), Some(digest));
        for bad in [
            "",
            &ABC[1..],
            &format!("{ABC}0"),
            &format!("g{}", &ABC[1..]),
            &format!("+{}", &ABC[1..]),
        ] {
            assert_eq!(Sha256Digest::from_hex(bad), None);
        }
    }
}
