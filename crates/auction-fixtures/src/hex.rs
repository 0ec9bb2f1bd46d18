use std::fmt;

use serde::{Serialize, Serializer};

/// The address of an account or contract: 20 bytes.
pub type Address = Hex<42>;

/// A digest or an identifier of 32 bytes.
pub type Hash = Hex<66>;

/// The unique identifier of an order: the digest of its contents (32 bytes), its owner (20) and its expiry (4).
pub type OrderUid = Hex<114>;

/// A fixed number of bytes, written in JSON as `0x` and hexadecimal digits: `CHARACTERS` characters together.
///
/// It is stored as text, because it is created once and written often. Writing it is as cheap as writing any string.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hex<const CHARACTERS: usize>([u8; CHARACTERS]);

impl<const CHARACTERS: usize> Hex<CHARACTERS> {
    /// Returns `0x` and the digits, in lower case.
    pub fn as_str(&self) -> &str {
        as_text(&self.0)
    }
}

impl<const BYTES: usize, const CHARACTERS: usize> From<[u8; BYTES]> for Hex<CHARACTERS> {
    fn from(bytes: [u8; BYTES]) -> Self {
        const { assert!(CHARACTERS == 2 + 2 * BYTES, "another number of bytes") };
        let mut text = [b'0'; CHARACTERS];
        text[1] = b'x';
        write_digits(&bytes, &mut text[2..]);
        Self(text)
    }
}

impl<const CHARACTERS: usize> fmt::Display for Hex<CHARACTERS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl<const CHARACTERS: usize> fmt::Debug for Hex<CHARACTERS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<const CHARACTERS: usize> Serialize for Hex<CHARACTERS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Any number of bytes, written in JSON as `0x` and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ByteString(String);

impl ByteString {
    /// Returns `0x` and the digits, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number of bytes, which is half the number of digits.
    pub fn byte_count(&self) -> usize {
        self.0.len() / 2 - 1
    }
}

impl Default for ByteString {
    fn default() -> Self {
        Self::from(&[][..])
    }
}

impl From<&[u8]> for ByteString {
    fn from(bytes: &[u8]) -> Self {
        let mut text = vec![b'0'; 2 + 2 * bytes.len()];
        text[1] = b'x';
        write_digits(bytes, &mut text[2..]);
        Self(String::from_utf8(text).expect("digits are ASCII"))
    }
}

/// Writes the digits of `bytes` to `out`, which is twice as long. This is cheaper than formatting.
fn write_digits(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Returns digits as a `str`.
pub(super) fn as_text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_lower_case_hexadecimal_everywhere() {
        let mut bytes = [0xab; 20];
        bytes[19] = 0x0f;
        let address = Address::from(bytes);
        let text = "0xababababababababababababababababababab0f";
        assert_eq!(address.as_str(), text);
        assert_eq!(address.to_string(), text);
        assert_eq!(format!("{address:?}"), text);
        assert_eq!(
            serde_json::to_string(&address).unwrap(),
            format!("\"{text}\"")
        );
    }

    #[test]
    fn every_length_is_whole() {
        for length in [0, 1, 255, 256, 257, 1_220] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let string = ByteString::from(&bytes[..]);
            assert_eq!(string.byte_count(), length);
            let json = serde_json::to_string(&string).unwrap();
            assert_eq!(json, format!("\"0x{expected}\""));
        }
        assert_eq!(ByteString::default().as_str(), "0x");
    }
}
