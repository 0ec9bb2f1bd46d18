use serde::Serialize;

use super::universe::Universe;
use super::{ConcentratedLiquidityPool, ConstantProductPool, StablePool, WeightedProductPool};

/// A pool that an order can be matched with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Liquidity {
    /// Two tokens, the product of whose balances stays the same: Uniswap v2 and its like.
    ConstantProduct(ConstantProductPool),
    /// Two to eight tokens with weights: Balancer.
    WeightedProduct(WeightedProductPool),
    /// Tokens worth about the same: Balancer's stable pools.
    Stable(StablePool),
    /// Two tokens, with liquidity in ranges of price: Uniswap v3.
    ConcentratedLiquidity(ConcentratedLiquidityPool),
}

impl Liquidity {
    /// The pool number `index`.
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        match universe.spread(0, index, 100) {
            0..45 => Self::ConstantProduct(ConstantProductPool::generate(universe, index)),
            45..80 => {
                Self::ConcentratedLiquidity(ConcentratedLiquidityPool::generate(universe, index))
            }
            80..99 => Self::WeightedProduct(WeightedProductPool::generate(universe, index)),
            _ => Self::Stable(StablePool::generate(universe, index)),
        }
    }
}
