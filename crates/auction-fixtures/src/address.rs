use super::hex::shown_as_hex;

/// An account or contract: 20 bytes, in JSON `0x` and 40 digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub [u8; 20]);

shown_as_hex!(Address, 20);

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn is_lower_case_hexadecimal_everywhere() {
        let mut address = Address([0xab; 20]);
        address.0[19] = 0x0f;
        let text = "0xababababababababababababababababababab0f";
        assert_eq!(address.to_string(), text);
        assert_eq!(format!("{address:?}"), text);
        assert_eq!(
            serde_json::to_string(&address).unwrap(),
            format!("\"{text}\"")
        );
    }
}
