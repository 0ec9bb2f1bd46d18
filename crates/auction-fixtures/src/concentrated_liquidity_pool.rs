use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::{Address, Amount, tables};

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
    /// By how much liquidity changes at each tick, rising.
    #[serde(serialize_with = "by_tick")]
    pub liquidity_net: Vec<(i32, i128)>,
    /// The part of a swap it keeps, a decimal fraction.
    pub fee: String,
}

impl ConcentratedLiquidityPool {
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Pool, index);
        let ticks = tables::ticks(universe.spread(1, index, tables::QUANTILES)) as usize;
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
fn ranges(chance: &mut Chance, count: usize, mut step: i32, spacing: i32) -> Vec<(i32, i128)> {
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
            (step * spacing, net)
        })
        .collect()
}

/// An object of ticks, numbers as strings on both sides.
fn by_tick<S: Serializer>(ticks: &[(i32, i128)], serializer: S) -> Result<S::Ok, S::Error> {
    /// A number that is written as a string.
    struct Quoted(i128);

    impl Serialize for Quoted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0)
        }
    }

    let mut object = serializer.serialize_map(Some(ticks.len()))?;
    for (tick, net) in ticks {
        object.serialize_entry(tick, &Quoted(*net))?;
    }
    object.end()
}
