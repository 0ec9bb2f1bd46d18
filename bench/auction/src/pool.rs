use std::collections::BTreeMap;

use serde::Serialize;

/// A pool that orders can be traded with.
#[derive(Debug, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Pool {
    /// Two tokens, the product of whose balances stays the same.
    ConstantProduct {
        /// Its name in this auction.
        id: String,
        /// The contract of the pool.
        address: String,
        /// The contract to trade through.
        router: String,
        /// Gas that a swap takes.
        gas_estimate: String,
        /// What it holds, by token.
        tokens: BTreeMap<String, Reserve>,
        /// The part of a swap that it keeps.
        fee: String,
    },
    /// Two to eight tokens with weights.
    WeightedProduct {
        /// Its name in this auction.
        id: String,
        /// The contract of the pool.
        address: String,
        /// Its name in the vault that holds the tokens.
        balancer_pool_id: String,
        /// Gas that a swap takes.
        gas_estimate: String,
        /// What it holds, by token.
        tokens: BTreeMap<String, WeightedReserve>,
        /// The part of a swap that it keeps.
        fee: String,
        /// Which formula it computes by.
        version: String,
    },
    /// Tokens that are worth about the same.
    Stable {
        /// Its name in this auction.
        id: String,
        /// The contract of the pool.
        address: String,
        /// Its name in the vault that holds the tokens.
        balancer_pool_id: String,
        /// How close to a constant sum it is.
        amplification_parameter: String,
        /// Gas that a swap takes.
        gas_estimate: String,
        /// What it holds, by token.
        tokens: BTreeMap<String, Reserve>,
        /// The part of a swap that it keeps.
        fee: String,
    },
    /// Two tokens, with liquidity in ranges of price.
    ConcentratedLiquidity {
        /// Its name in this auction.
        id: String,
        /// The contract of the pool.
        address: String,
        /// The contract to trade through.
        router: String,
        /// Gas that a swap takes.
        gas_estimate: String,
        /// The two tokens.
        tokens: Vec<String>,
        /// The square root of the price.
        sqrt_price: String,
        /// Liquidity at this price.
        liquidity: String,
        /// The tick that this price is in.
        tick: i32,
        /// By how much liquidity changes at each tick.
        liquidity_net: BTreeMap<i32, String>,
        /// The part of a swap that it keeps.
        fee: String,
    },
}

/// What a pool holds of a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    /// Atoms.
    pub balance: String,
}

/// What a pool holds of a token that has a weight.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedReserve {
    /// Atoms.
    pub balance: String,
    /// What atoms are multiplied by to have 18 decimals.
    pub scaling_factor: String,
    /// Its part of the value of the pool.
    pub weight: String,
}
