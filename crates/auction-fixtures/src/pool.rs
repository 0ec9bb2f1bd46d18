use serde::{Serialize, Serializer};

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount, Hash, Object};

/// A pool that orders can trade with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Liquidity {
    /// Two tokens with a constant product of balances, like Uniswap v2.
    ConstantProduct(ConstantProductPool),
    /// Two to eight tokens with weights, like Balancer.
    WeightedProduct(WeightedProductPool),
    /// Tokens of about the same value, like Balancer's stable pools.
    Stable(StablePool),
    /// Two tokens with liquidity in price ranges, like Uniswap v3.
    ConcentratedLiquidity(ConcentratedLiquidityPool),
}

impl Liquidity {
    /// Generates the pool with this index.
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

/// A pool of two tokens with a constant product of balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConstantProductPool {
    /// The identifier of the pool in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// The contract that trades with the pool.
    pub router: Address,
    /// The estimated gas of a swap.
    pub gas_estimate: Amount,
    /// The reserves, by token.
    pub tokens: Object<ConstantProductReserve>,
    /// The fee of a swap, as a decimal fraction.
    pub fee: String,
}

/// The reserve of one token.
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
            tokens: reserves(universe, &mut chance, 2, |chance| ConstantProductReserve {
                balance: chance.amount_around(17, 7),
            }),
            fee: String::from("0.003"),
        }
    }
}

/// A pool of two to eight tokens with weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedProductPool {
    /// The identifier of the pool in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// The identifier of the pool in the vault that holds the tokens.
    pub balancer_pool_id: Hash,
    /// The estimated gas of a swap.
    pub gas_estimate: Amount,
    /// The reserves, by token.
    pub tokens: Object<WeightedProductReserve>,
    /// The fee of a swap, as a decimal fraction.
    pub fee: String,
    /// The version of the formula.
    pub version: WeightedProductVersion,
}

/// The reserve of one token, and its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedProductReserve {
    /// Atoms of the token.
    pub balance: Amount,
    /// The factor that scales atoms to 18 decimals, as a decimal number.
    pub scaling_factor: String,
    /// The weight of the token in the pool, as a decimal fraction.
    pub weight: String,
}

/// How the pool rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum WeightedProductVersion {
    /// Like the first pools.
    V0,
    /// Like pools since the third version.
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
                WeightedProductReserve {
                    balance: chance.amount_around(12, 6),
                    scaling_factor: scaling_factor(chance, 93),
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

/// Returns the weights of a pool of `count` tokens. They sum to 1.
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

/// A pool of tokens of about the same value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StablePool {
    /// The identifier of the pool in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// The identifier of the pool in the vault that holds the tokens.
    pub balancer_pool_id: Hash,
    /// The estimated gas of a swap.
    pub gas_estimate: Amount,
    /// The reserves, by token.
    pub tokens: Object<StableReserve>,
    /// How flat the curve is, as a decimal number.
    pub amplification_parameter: String,
    /// The fee of a swap, as a decimal fraction.
    pub fee: String,
}

/// The reserve of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StableReserve {
    /// Atoms of the token.
    pub balance: Amount,
    /// The factor that scales atoms to 18 decimals, as a decimal number.
    pub scaling_factor: String,
}

impl StablePool {
    fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let count = 2 + usize::from(universe.spread(1, index, 100) >= 88);
        let balancer_pool_id = pool_id(universe, index);
        Self {
            id: balancer_pool_id.to_string(),
            address: universe.address(Kind::Pool, index),
            balancer_pool_id,
            gas_estimate: Amount::from(183_520),
            tokens: reserves(universe, &mut chance, count, |chance| StableReserve {
                balance: chance.amount_around(20, 3),
                scaling_factor: scaling_factor(chance, 70),
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

/// A pool of two tokens with liquidity in price ranges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcentratedLiquidityPool {
    /// The identifier of the pool in this auction.
    pub id: String,
    /// The contract of the pool.
    pub address: Address,
    /// The contract that trades with the pool.
    pub router: Address,
    /// The estimated gas of a swap.
    pub gas_estimate: Amount,
    /// The two tokens.
    pub tokens: [Address; 2],
    /// The square root of the price, as a 64.96 fixed-point number.
    pub sqrt_price: Amount,
    /// The liquidity at this price.
    pub liquidity: Amount,
    /// The tick of this price.
    pub tick: i32,
    /// The change of liquidity at each tick, as an integer, in ascending order of ticks.
    #[serde(serialize_with = "by_tick")]
    pub liquidity_net: Vec<(i32, String)>,
    /// The fee of a swap, as a decimal fraction.
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
        let address = universe.address(Kind::Pool, index);
        Self {
            id: address.to_string(),
            address,
            router: universe.address(Kind::Contract, 3),
            gas_estimate: Amount::from(108_163),
            tokens,
            sqrt_price: chance.amount_around(28, 3),
            liquidity: chance.amount_around(20, 3),
            tick,
            liquidity_net,
            fee: String::from(fee),
        }
    }
}

/// Generates `count` ticks at which positions begin and end. The changes sum to 0.
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
                // A position ends here: remove the liquidity that it added.
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

/// Returns the identifier of a pool in the vault: its address, its kind and its number.
fn pool_id(universe: &Universe, index: u64) -> Hash {
    let mut id = [0; 32];
    id[..20].copy_from_slice(&universe.name::<20>(Kind::Pool, index));
    id[21] = 2;
    id[24..].copy_from_slice(&index.to_be_bytes());
    Hash::from(id)
}

/// Returns the factor of a token, which has 18 decimals in so many of 100 cases, and otherwise 6.
fn scaling_factor(chance: &mut Chance, in_100: u64) -> String {
    let has_18_decimals = chance.below(100) < in_100;
    String::from(if has_18_decimals {
        "1"
    } else {
        "1000000000000"
    })
}

/// Generates the reserves of `count` different tokens, at most 8.
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

/// The distribution of ticks: how many of 65,536 concentrated-liquidity pools have at most this many.
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

/// The end of the quantiles, which stands for 1.0.
const QUANTILES: u64 = 1 << 32;

/// Returns the number of ticks at `quantile`, which is below [`QUANTILES`].
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
