use serde::Serialize;

use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::{Address, Amount, Hash, Object};

/// A pool of two to eight tokens with weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedProductPool {
    /// Its name in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// Its name in the vault that holds the tokens.
    pub balancer_pool_id: Hash,
    /// Gas that a swap takes.
    pub gas_estimate: Amount,
    /// What it holds.
    pub tokens: Object<WeightedProductReserve>,
    /// The part of a swap it keeps, a decimal fraction.
    pub fee: String,
    /// Which of the two formulas it computes by.
    pub version: WeightedProductVersion,
}

/// What a pool holds of one token, and its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedProductReserve {
    /// Atoms of the token.
    pub balance: Amount,
    /// What atoms are multiplied by to have 18 decimals, a decimal number.
    pub scaling_factor: String,
    /// Its part of the value of the pool, a decimal fraction.
    pub weight: String,
}

/// How the pool rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum WeightedProductVersion {
    /// As the first pools did.
    V0,
    /// As pools do since the third version.
    V3Plus,
}

impl WeightedProductPool {
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let count = match universe.spread(1, index, 100) {
            0..74 => 2,
            74..83 => 3,
            83..89 => 4,
            89..92 => 5,
            92..94 => 6,
            94..96 => 7,
            _ => 8,
        };
        let address = universe.address(Kind::Pool, index);
        let balancer_pool_id = pool_id(address, index);
        let weights = weights(count, &mut chance);
        let mut weights = weights.iter();
        Self {
            id: balancer_pool_id.to_string(),
            address,
            balancer_pool_id,
            gas_estimate: Amount::from(88_892),
            tokens: universe.reserves(&mut chance, count, |chance| {
                let digits = chance.around(12, 6);
                WeightedProductReserve {
                    balance: chance.amount(digits, digits),
                    scaling_factor: String::from(if chance.below(100) < 93 {
                        "1"
                    } else {
                        "1000000000000"
                    }),
                    weight: String::from(*weights.next().expect("one weight for each token")),
                }
            }),
            fee: String::from(
                [
                    "0.001000000000000000",
                    "0.002500000000000000",
                    "0.003000000000000000",
                    "0.010000000000000000",
                ][chance.below(4) as usize],
            ),
            version: if chance.below(4) == 0 {
                WeightedProductVersion::V3Plus
            } else {
                WeightedProductVersion::V0
            },
        }
    }
}

/// The vault's name for a pool: its address, its kind and its number.
pub(super) fn pool_id(address: Address, index: u64) -> Hash {
    let mut id = [0; 32];
    id[..20].copy_from_slice(&address.0);
    id[21] = 2;
    id[24..].copy_from_slice(&index.to_be_bytes());
    Hash(id)
}

/// Weights that pools of `count` tokens have; they sum to 1.
fn weights(count: usize, chance: &mut Chance) -> &'static [&'static str] {
    match count {
        2 => [
            ["0.5", "0.5"],
            ["0.8", "0.2"],
            ["0.6", "0.4"],
            ["0.01", "0.99"],
        ][chance.below(4) as usize]
            .as_slice(),
        3 => &["0.3333", "0.3333", "0.3334"],
        4 => &["0.25", "0.25", "0.25", "0.25"],
        5 => &["0.2", "0.2", "0.2", "0.2", "0.2"],
        6 => &["0.1", "0.1", "0.2", "0.2", "0.2", "0.2"],
        7 => &["0.1", "0.15", "0.15", "0.15", "0.15", "0.15", "0.15"],
        _ => &[
            "0.125", "0.125", "0.125", "0.125", "0.125", "0.125", "0.125", "0.125",
        ],
    }
}
