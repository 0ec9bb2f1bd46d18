use super::Address;
use super::hex::shown_as_hex;

/// What names an order: the digest of its contents (32 bytes), its owner (20) and when it expires (4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderUid(pub [u8; 56]);

shown_as_hex!(OrderUid, 56);

impl OrderUid {
    /// Joins the three parts.
    pub fn from_parts(digest: [u8; 32], owner: Address, valid_to: u32) -> Self {
        let mut bytes = [0; 56];
        bytes[..32].copy_from_slice(&digest);
        bytes[32..52].copy_from_slice(&owner.0);
        bytes[52..].copy_from_slice(&valid_to.to_be_bytes());
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_owner_and_expiry() {
        let uid = OrderUid::from_parts([0x11; 32], Address([0x22; 20]), 0x6b0e_c707);
        let text = format!("0x{}{}6b0ec707", "11".repeat(32), "22".repeat(20));
        assert_eq!(uid.to_string(), text);
    }
}
