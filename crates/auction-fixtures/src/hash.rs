use super::hex::shown_as_hex;

/// A digest or an identifier of 32 bytes, in JSON `0x` and 64 digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

shown_as_hex!(Hash, 32);
