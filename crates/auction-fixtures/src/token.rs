use serde::{Serialize, Serializer};

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount};

/// A token in an auction. Its address is the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The decimal places of one unit.
    pub decimals: Option<u8>,
    /// The ticker.
    pub symbol: Option<String>,
    /// The price of 10^18 atoms in wei.
    pub reference_price: Option<Amount>,
    /// Atoms that the settlement contract holds.
    pub available_balance: Amount,
    /// Whether the settlement contract may keep a balance of the token.
    pub trusted: bool,
}

impl Token {
    /// Generates the token with this index.
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Token, index);
        let decimals = match chance.below(1_000) {
            0..900 => 18,
            900..935 => 9,
            935..970 => 8,
            _ => 6,
        };
        let letters = match chance.below(100) {
            0..3 => 2,
            3..35 => 3,
            35..75 => 4,
            75..88 => 5,
            88..95 => 6,
            95..99 => 7,
            _ => 9,
        };
        let symbol = (0..letters)
            .map(|_| char::from(b'A' + chance.below(26) as u8))
            .collect();
        let price_digits = 33 - usize::from(decimals) + chance.around(0, 3);
        let price = chance.amount(price_digits, 17);
        let digits = chance.around(4, 16).max(1);
        let balance = if digits == 1 {
            Amount::from(0)
        } else {
            chance.amount(digits, digits)
        };
        Self {
            decimals: Some(decimals),
            symbol: Some(symbol),
            reference_price: Some(price),
            available_balance: balance,
            trusted: chance.below(100) < 12,
        }
    }
}

/// A JSON object whose keys are addresses, in insertion order.
///
/// It is a list, because the order must be the same in every run. Do not insert an address twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<T>(pub Vec<(Address, T)>);

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(address, value)| (address, value)))
    }
}
