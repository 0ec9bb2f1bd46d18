//! Bytes that contracts take, as their encoding lays them out.

use super::chance::Chance;
use super::{Address, ByteString};

/// What a contract takes for a signature: words of 32 bytes, mostly small numbers and addresses, 736 to 1,220 bytes.
pub(super) fn contract_signature(chance: &mut Chance, owner: Address) -> ByteString {
    let words = 23 + chance.below(16) as usize;
    let mut bytes = arguments(chance, owner, words);
    if words == 38 {
        bytes.extend(chance.bytes::<4>());
    }
    ByteString(bytes)
}

/// Encoded arguments of a call.
pub(super) fn arguments(chance: &mut Chance, owner: Address, words: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 * words + 4);
    for word in 0..words {
        let mut encoded = [0; 32];
        match word % 8 {
            0 | 5 => encoded[12..].copy_from_slice(&owner.0),
            1 | 3 | 6 | 7 => encoded[30..].copy_from_slice(&(32 * word as u16).to_be_bytes()),
            2 => encoded = chance.bytes(),
            _ => encoded[26..].copy_from_slice(&chance.bytes::<6>()),
        }
        bytes.extend(encoded);
    }
    bytes
}
