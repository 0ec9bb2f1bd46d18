//! Lower-case hexadecimal, written a byte at a time from a table: formatting machinery would cost more than all else.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes `0x` and the digits of `bytes` to `out`, which is two longer than twice `bytes`, and returns it as text.
pub(super) fn encode<'a>(bytes: &[u8], out: &'a mut [u8]) -> &'a str {
    out[0] = b'0';
    out[1] = b'x';
    digits(bytes, &mut out[2..]);
    as_text(out)
}

/// Writes the digits of `bytes` alone to `out`, which is twice as long.
pub(super) fn digits(bytes: &[u8], out: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// The digits as a `str`.
pub(super) fn as_text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits are ASCII")
}

/// Makes a type that holds `bytes` of fixed length look like its hexadecimal: displayed, debugged and serialised.
macro_rules! shown_as_hex {
    ($type:ident, $length:expr) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad($crate::hex::encode(&self.0, &mut [0; 2 + 2 * $length]))
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, formatter)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::hex::encode(&self.0, &mut [0; 2 + 2 * $length]))
            }
        }
    };
}
pub(super) use shown_as_hex;
