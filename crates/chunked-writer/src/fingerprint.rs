//! A fast running hash of a document, to detect whether it is produced identically.

/// The odd number that the lanes start from and are multiplied by: the 64-bit golden ratio, as in Fibonacci hashing.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A running hash of the first `position` bytes of a document. It is not cryptographic: it detects accidents, not attacks.
///
/// It depends only on the bytes, not on how calls of [`update`](Self::update) split them. It can be copied at any offset
/// and continued from there. Four lanes alternate in words of eight bytes, so that their multiplications overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    position: u64,
    lanes: [u64; 4],
    /// The bytes of an unfinished word, the first in the lowest byte.
    word: u64,
}

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self {
            position: 0,
            lanes: [1, 2, 3, 4].map(|lane: u64| lane.wrapping_mul(MULTIPLIER)),
            word: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn at(position: u64) -> Self {
        Self {
            position,
            ..Self::new()
        }
    }

    /// Returns how many bytes were hashed.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !self.position.is_multiple_of(8) {
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            self.byte(byte);
            bytes = rest;
        }
        while !self.position.is_multiple_of(32) {
            let Some((word, rest)) = bytes.split_first_chunk::<8>() else {
                break;
            };
            self.lane(u64::from_le_bytes(*word));
            self.position += 8;
            bytes = rest;
        }
        if self.position.is_multiple_of(32) {
            let (blocks, rest) = bytes.as_chunks::<32>();
            for block in blocks {
                let (words, _) = block.as_chunks::<8>();
                for (lane, word) in self.lanes.iter_mut().zip(words) {
                    *lane = mix(*lane, u64::from_le_bytes(*word));
                }
            }
            self.position += (blocks.len() * 32) as u64;
            bytes = rest;
        }
        while let Some((word, rest)) = bytes.split_first_chunk::<8>() {
            self.lane(u64::from_le_bytes(*word));
            self.position += 8;
            bytes = rest;
        }
        for &byte in bytes {
            self.byte(byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.word |= u64::from(byte) << (self.position % 8 * 8);
        if self.position % 8 == 7 {
            self.lane(self.word);
            self.word = 0;
        }
        self.position += 1;
    }

    /// Hashes the word that contains `position`.
    fn lane(&mut self, word: u64) {
        let lane = &mut self.lanes[(self.position / 8 % 4) as usize];
        *lane = mix(*lane, word);
    }
}

fn mix(lane: u64, word: u64) -> u64 {
    (lane.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Fingerprint {
        let mut fingerprint = Fingerprint::new();
        fingerprint.update(bytes);
        fingerprint
    }

    #[test]
    fn cuts_make_no_difference() {
        let bytes: Vec<u8> = (0..200_u8).map(|byte| byte.wrapping_mul(37)).collect();
        for first in 0..bytes.len() {
            for second in [first, first + 1, first + 7, first + 40] {
                let second = second.min(bytes.len());
                let mut cut = Fingerprint::new();
                cut.update(&bytes[..first]);
                cut.update(&bytes[first..second]);
                cut.update(&bytes[second..]);
                assert_eq!(cut, of(&bytes), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn every_byte_counts() {
        let bytes = [b'7'; 150];
        for index in 0..bytes.len() {
            let mut other = bytes;
            other[index] ^= 1;
            assert_ne!(of(&other), of(&bytes), "byte {index}");
        }
        assert_ne!(of(&bytes[1..]), of(&bytes));
    }

    #[test]
    fn words_that_change_places_are_seen() {
        let mut bytes: Vec<u8> = (0..64).collect();
        let before = of(&bytes);
        bytes.rotate_left(32);
        assert_ne!(of(&bytes), before);
        bytes.rotate_left(8);
        assert_ne!(of(&bytes), before);
    }
}
