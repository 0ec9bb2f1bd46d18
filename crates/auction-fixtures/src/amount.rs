use std::fmt;

use serde::{Serialize, Serializer};

use super::hex;

/// An integer of up to 256 bits, written in JSON as a string of decimal digits.
///
/// It is stored as its digits, because it is only written. It needs no allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount {
    // Compared first: without leading zeros, a longer number is larger.
    length: u8,
    digits: [u8; Amount::DIGITS],
}

impl Amount {
    /// 2^256 - 1 has 78 digits.
    const DIGITS: usize = 78;

    /// The largest amount, 2^256 - 1. On chain, it stands for "unlimited".
    pub const MAX: Self = Self {
        digits: *b"115792089237316195423570985008687907853269984665640564039457584007913129639935",
        length: Self::DIGITS as u8,
    };

    /// Returns the decimal digits, without leading zeros.
    pub fn as_str(&self) -> &str {
        hex::as_text(&self.digits[..usize::from(self.length)])
    }

    /// Creates an amount of exactly `length` digits, of which those after the first `significant` are zero.
    ///
    /// `next` returns random words, one for each 18 significant digits. Lengths above 77 are reduced to 77, so that the
    /// amount fits 256 bits with any digits.
    pub(super) fn from_random(
        length: usize,
        significant: usize,
        mut next: impl FnMut() -> u64,
    ) -> Self {
        let length = length.clamp(1, Self::DIGITS - 1);
        let mut digits = [b'0'; Self::DIGITS];
        for group in digits[..significant.clamp(1, length)].chunks_mut(18) {
            let mut word = next();
            for digit in group {
                *digit = b'0' + (word % 10) as u8;
                word /= 10;
            }
        }
        if digits[0] == b'0' {
            digits[0] = b'1';
        }
        Self {
            digits,
            length: length as u8,
        }
    }
}

impl From<u64> for Amount {
    fn from(mut value: u64) -> Self {
        let length = value.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut digits = [b'0'; Self::DIGITS];
        for digit in digits[..length].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
        Self {
            digits,
            length: length as u8,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn integers_keep_their_digits() {
        for value in [0, 1, 9, 10, 99, 100, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(Amount::from(value).as_str(), value.to_string());
        }
    }

    #[test]
    fn amounts_compare_as_numbers() {
        let mut amounts = [
            Amount::MAX,
            100.into(),
            99.into(),
            u64::MAX.into(),
            0.into(),
            1.into(),
        ];
        amounts.sort();
        let digits = amounts.map(|amount| amount.as_str().to_owned());
        assert_eq!(digits[..4], ["0", "1", "99", "100"]);
        assert_eq!(digits[4], u64::MAX.to_string());
        assert_eq!(amounts[5], Amount::MAX);
    }

    #[test]
    fn random_amounts_have_the_digits_asked_for() {
        for length in 1..=77 {
            let amount = Amount::from_random(length, 5, || 1_234_567_890);
            assert_eq!(amount.as_str().len(), length);
            assert!(!amount.as_str().starts_with('0'));
            assert_eq!(amount.as_str().trim_end_matches('0').len(), length.min(5));
        }
    }

    #[test]
    fn no_random_amount_exceeds_256_bits() {
        let largest = Amount::from_random(200, 200, || 999_999_999_999_999_999);
        assert_eq!(largest.as_str(), "9".repeat(77));
        assert!(largest.as_str().len() < Amount::MAX.as_str().len());
    }
}
