use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use crate::clock::Clock;

/// A SHA-256 of a raw document. Displays as 64 lower-case hexadecimal digits.
///
/// ```
/// use archive_sink::Sha256Digest;
///
/// let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// assert_eq!(text.parse::<Sha256Digest>().unwrap().to_string(), text);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// The digest's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
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

impl FromStr for Sha256Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ParseDigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Result<u8, ParseDigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParseDigestError),
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sha-256 is 64 hexadecimal digits")]
#[non_exhaustive]
pub struct ParseDigestError;

/// Hashes what is written and remembers how long that took; does nothing when switched off.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    sha256: Option<Sha256>,
    busy: Duration,
    clock: Clock,
}

impl Hasher {
    pub(crate) fn new(enabled: bool, clock: Clock) -> Self {
        Self {
            sha256: enabled.then(Sha256::new),
            busy: Duration::ZERO,
            clock,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            let start: Instant = self.clock.now();
            sha256.update(bytes);
            self.busy += self.clock.now().saturating_duration_since(start);
        }
    }

    pub(crate) fn busy(&self) -> Duration {
        self.busy
    }

    /// Hashes no more and forgets what it has hashed.
    pub(crate) fn switch_off(&mut self) {
        self.sha256 = None;
    }

    pub(crate) fn finish(self) -> Option<Sha256Digest> {
        self.sha256
            .map(|sha256| Sha256Digest(sha256.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example, "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_pieces_as_it_hashes_the_whole() {
        let mut hasher = Hasher::new(true, Clock::system());
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish().unwrap().to_string(), ABC);
    }

    #[test]
    fn switched_off_it_has_no_digest_and_reads_no_clock() {
        let mut hasher = Hasher::new(false, Clock::new(|| unreachable!("nothing to time")));
        hasher.update(b"abc");
        assert_eq!(hasher.finish(), None);
    }

    #[test]
    fn reads_its_own_text_in_either_case_and_nothing_else() {
        let digest: Sha256Digest = ABC.parse().unwrap();
        assert_eq!(ABC.to_uppercase().parse(), Ok(digest));
        for bad in [
            "",
            &ABC[1..],
            &format!("{ABC}0"),
            &format!("g{}", &ABC[1..]),
        ] {
            assert_eq!(bad.parse::<Sha256Digest>(), Err(ParseDigestError));
        }
    }
}
