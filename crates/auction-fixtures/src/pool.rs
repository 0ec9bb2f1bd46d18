use serde::{Serialize, Serializer};

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount, Hash, Object};

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
    fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let router = chance.below(3);
        Self {
            id: index.to_string(),
            address: universe.address(Kind::Pool, index),
            router: universe.address(Kind::Contract, router),
            gas_estimate: Amount::from(90_171),
            tokens: reserves(universe, &mut chance, 2, |chance| {
                let digits = chance.around(17, 7);
                ConstantProductReserve {
                    balance: chance.amount(digits, digits),
                }
            }),
            fee: String::from("0.003"),
        }
    }
}

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
    fn generate(universe: &Universe, index: u64) -> Self {
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
        let balancer_pool_id = pool_id(universe, index);
        let weights = weights(count, &mut chance);
        let mut weights = weights.iter();
        Self {
            id: balancer_pool_id.to_string(),
            address: universe.address(Kind::Pool, index),
            balancer_pool_id,
            gas_estimate: Amount::from(88_892),
            tokens: reserves(universe, &mut chance, count, |chance| {
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
    fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let count = if universe.spread(1, index, 100) < 88 {
            2
        } else {
            3
        };
        let balancer_pool_id = pool_id(universe, index);
        Self {
            id: balancer_pool_id.to_string(),
            address: universe.address(Kind::Pool, index),
            balancer_pool_id,
            gas_estimate: Amount::from(183_520),
            tokens: reserves(universe, &mut chance, count, |chance| {
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

/// A pool of two tokens with liquidity in ranges of price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcentratedLiquidityPool {
    /// Its name in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// The contract to trade through.
    pub router: Address,
    /// Gas that a swap takes.
    pub gas_estimate: Amount,
    /// The two tokens.
    pub tokens: [Address; 2],
    /// The square root of the price, in 64.96 bits.
    pub sqrt_price: Amount,
    /// Liquidity at this price.
    pub liquidity: Amount,
    /// The tick this price is in.
    pub tick: i32,
    /// By how much liquidity changes at each tick, a whole number; the ticks rise.
    #[serde(serialize_with = "by_tick")]
    pub liquidity_net: Vec<(i32, String)>,
    /// The part of a swap it keeps, a decimal fraction.
    pub fee: String,
}

impl ConcentratedLiquidityPool {
    fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let ticks = ticks_at(universe.spread(1, index, QUANTILES)) as usize;
        let (fee, spacing) = match chance.below(100) {
            0..45 => ("0.01", 200),
            45..84 => ("0.003", 60),
            84..97 => ("0.0005", 10),
            _ => ("0.0001", 1),
        };
        let tokens = universe.draw_pair(&mut chance);
        let lowest = -(chance.below(90_000) as i32) - 10_000;
        let liquidity_net = ranges(&mut chance, ticks, lowest / spacing, spacing);
        let tick = liquidity_net[liquidity_net.len() / 2].0 + chance.below(spacing as u64) as i32;
        let digits = chance.around(28, 3);
        let address = universe.address(Kind::Pool, index);
        let sqrt_price = chance.amount(digits, digits);
        let digits = chance.around(20, 3);
        Self {
            id: address.to_string(),
            address,
            router: universe.address(Kind::Contract, 3),
            gas_estimate: Amount::from(108_163),
            tokens,
            sqrt_price,
            liquidity: chance.amount(digits, digits),
            tick,
            liquidity_net,
            fee: String::from(fee),
        }
    }
}

/// `count` ticks at which positions begin and end: what comes is what goes.
fn ranges(chance: &mut Chance, count: usize, mut step: i32, spacing: i32) -> Vec<(i32, String)> {
    let mut open: i128 = 0;
    let mut last: i128 = 0;
    (0..count)
        .map(|position| {
            step += 1 + chance.below(6) as i32;
            let left = count - position;
            let net = if left == 1 {
                -open
            } else if last > 0 && chance.below(100) < 46 {
                // A position that ends: its liquidity goes as it came.
                -std::mem::take(&mut last)
            } else {
                let scale = 10_i128.pow(chance.around(17, 4) as u32);
                last = scale * (1 + i128::from(chance.below(9)))
                    + i128::from(chance.below(1 << 62)) % scale;
                last
            };
            open += net;
            (step * spacing, net.to_string())
        })
        .collect()
}

fn by_tick<S: Serializer>(ticks: &[(i32, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(ticks.iter().map(|(tick, net)| (tick, net)))
}

/// The vault's name for a pool: its address, its kind and its number.
fn pool_id(universe: &Universe, index: u64) -> Hash {
    let mut id = [0; 32];
    id[..20].copy_from_slice(&universe.name::<20>(Kind::Pool, index));
    id[21] = 2;
    id[24..].copy_from_slice(&index.to_be_bytes());
    Hash::from(id)
}

/// `count` different tokens, at most 8, and what `reserve` makes of each.
fn reserves<T>(
    universe: &Universe,
    chance: &mut Chance,
    count: usize,
    mut reserve: impl FnMut(&mut Chance) -> T,
) -> Object<T> {
    let tokens = universe.draw_tokens(chance, count).into_iter();
    let entry = |token| (universe.address(Kind::Token, token), reserve(chance));
    Object(tokens.map(entry).collect())
}

/// Ticks of a concentrated-liquidity pool: of 65,536 pools, how many have at most so many ticks.
///
/// Median 10, 95th percentile 192, maximum 1,213, mean 43.
const TICKS: [(u64, u64); 11] = [
    (0, 2),
    (16_384, 4),
    (32_768, 10),
    (49_152, 24),
    (55_706, 60),
    (58_982, 105),
    (62_259, 192),
    (63_570, 280),
    (64_881, 500),
    (65_208, 750),
    (65_536, 1_213),
];

/// Where quantiles end: 1.0.
const QUANTILES: u64 = 1 << 32;

/// The number of ticks at `quantile`, which is below [`QUANTILES`].
fn ticks_at(quantile: u64) -> u64 {
    let (mut below, mut least) = TICKS[0];
    for (above, most) in TICKS {
        if quantile < above << 16 {
            return least + ((quantile - (below << 16)) * (most - least)) / ((above - below) << 16);
        }
        (below, least) = (above, most);
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_distributed_as_measured() {
        let at = |share: f64| ticks_at((share * QUANTILES as f64) as u64);
        assert_eq!(at(0.0), 2);
        assert_eq!(at(0.5), 10);
        assert!((191..=192).contains(&at(0.95)));
        assert!((1_212..=1_213).contains(&ticks_at(QUANTILES - 1)));
        let mean = (0..10_000)
            .map(|step| at(f64::from(step) / 10_000.0))
            .sum::<u64>() as f64
            / 10_000.0;
        assert!((41.0..45.0).contains(&mean), "mean {mean}");
    }
}
