use std::fmt;

use serde::{Serialize, Serializer};

use super::hex;

/// Bytes of any length, in JSON `0x` and their digits.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ByteString(pub Vec<u8>);

impl fmt::Display for ByteString {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("0x")?;
        let mut digits = [0; 512];
        for piece in self.0.chunks(digits.len() / 2) {
            let digits = &mut digits[..2 * piece.len()];
            hex::digits(piece, digits);
            formatter.write_str(hex::as_text(digits))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ByteString {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for ByteString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::ByteString;

    #[test]
    fn every_length_is_whole() {
        for length in [0, 1, 255, 256, 257, 1_220] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let json = serde_json::to_string(&ByteString(bytes)).unwrap();
            assert_eq!(json, format!("\"0x{expected}\""));
        }
    }
}
