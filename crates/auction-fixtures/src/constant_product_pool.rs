use serde::Serialize;

use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::{Address, Amount, Object};

/// A pool of two tokens, the product of whose balances stays the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConstantProductPool {
    /// Its name in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// The contract to trade through.
    pub router: Address,
    /// Gas that a swap takes.
    pub gas_estimate: Amount,
    /// What it holds.
    pub tokens: Object<ConstantProductReserve>,
    /// The part of a swap it keeps, a decimal fraction.
    pub fee: String,
}

/// What a pool holds of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConstantProductReserve {
    /// Atoms of the token.
    pub balance: Amount,
}

impl ConstantProductPool {
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let router = chance.below(3);
        Self {
            id: index.to_string(),
            address: universe.address(Kind::Pool, index),
            router: universe.address(Kind::Contract, router),
            gas_estimate: Amount::from(90_171),
            tokens: universe.reserves(&mut chance, 2, |chance| {
                let digits = chance.around(17, 7);
                ConstantProductReserve {
                    balance: chance.amount(digits, digits),
                }
            }),
            fee: String::from("0.003"),
        }
    }
}
