use std::fmt::Write as _;

/// Numbers that are the same for the same seed everywhere: SplitMix64 (Steele, Lea, Flood, 2014).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// In so many of a thousand cases.
    pub(crate) fn chance(&mut self, thousandths: usize) -> bool {
        self.below(1_000) < thousandths
    }

    /// `0x` and the digits of this many bytes.
    pub(crate) fn hex(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(2 + 2 * bytes);
        text.push_str("0x");
        while text.len() < 2 + 2 * bytes {
            let word = self.next();
            let missing = (2 + 2 * bytes - text.len()).div_ceil(2).min(8);
            for byte in &word.to_be_bytes()[..missing] {
                let _infallible = write!(text, "{byte:02x}");
            }
        }
        text
    }

    /// A decimal number of this many digits, of which those after the first `significant` are zero.
    pub(crate) fn decimal(&mut self, length: usize, significant: usize) -> String {
        let mut text = String::with_capacity(length);
        text.push(char::from(b'1' + self.below(9) as u8));
        while text.len() < length {
            let digit = if text.len() < significant {
                self.below(10) as u8
            } else {
                0
            };
            text.push(char::from(b'0' + digit));
        }
        text
    }

    /// An amount: of 10 to 25 digits, the last of them often zero.
    pub(crate) fn amount(&mut self) -> String {
        let length = 10 + self.below(16);
        let significant = 3 + self.below(length - 3).min(self.below(length - 3));
        self.decimal(length, significant)
    }

    /// A few are picked often and most hardly ever, as tokens and owners are.
    pub(crate) fn pick<'a>(&mut self, from: &'a [String]) -> &'a String {
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        &from[(fraction.powi(8) * from.len() as f64) as usize]
    }
}
