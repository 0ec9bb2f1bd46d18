use serde::Serialize;

use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::weighted_product_pool::pool_id;
use super::{Address, Amount, Hash, Object};

/// A pool of tokens worth about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StablePool {
    /// Its name in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// Its name in the vault that holds the tokens.
    pub balancer_pool_id: Hash,
    /// Gas that a swap takes.
    pub gas_estimate: Amount,
    /// What it holds.
    pub tokens: Object<StableReserve>,
    /// How flat its curve is, a decimal number.
    pub amplification_parameter: String,
    /// The part of a swap it keeps, a decimal fraction.
    pub fee: String,
}

/// What a pool holds of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StableReserve {
    /// Atoms of the token.
    pub balance: Amount,
    /// What atoms are multiplied by to have 18 decimals, a decimal number.
    pub scaling_factor: String,
}

impl StablePool {
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let count = if universe.spread(1, index, 100) < 88 {
            2
        } else {
            3
        };
        let address = universe.address(Kind::Pool, index);
        let balancer_pool_id = pool_id(address, index);
        Self {
            id: balancer_pool_id.to_string(),
            address,
            balancer_pool_id,
            gas_estimate: Amount::from(183_520),
            tokens: universe.reserves(&mut chance, count, |chance| {
                let digits = chance.around(20, 3);
                StableReserve {
                    balance: chance.amount(digits, digits),
                    scaling_factor: String::from(if chance.below(100) < 70 {
                        "1"
                    } else {
                        "1000000000000"
                    }),
                }
            }),
            amplification_parameter: String::from(
                ["50", "125", "200", "1000"][chance.below(4) as usize],
            ),
            fee: String::from(
                [
                    "0.000100000000000000",
                    "0.000500000000000000",
                    "0.000400000000000000",
                ][chance.below(3) as usize],
            ),
        }
    }
}
