use std::collections::BTreeMap;

use crate::random::Random;
use crate::{Auction, FeePolicy, Interaction, Order, Pool, Reserve, Shape, Token, WeightedReserve};

/// How many ticks a pool has, by quantile: median 10, 95th percentile 192, maximum 1,213, mean 43.
const TICKS: [(f64, usize); 11] = [
    (0.0, 2),
    (0.25, 4),
    (0.5, 10),
    (0.75, 24),
    (0.85, 60),
    (0.9, 105),
    (0.95, 192),
    (0.97, 280),
    (0.99, 500),
    (0.995, 750),
    (1.0, 1_213),
];

/// What orders and pools refer to.
struct Names {
    tokens: Vec<String>,
    owners: Vec<String>,
    app_data: Vec<String>,
}

impl Auction {
    /// The auction of this shape and seed. Every list is allocated at its size, so that generating leaves little behind.
    pub fn generate(shape: Shape, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut some = |count: usize, bytes| -> Vec<String> {
            (0..count.max(2)).map(|_| random.hex(bytes)).collect()
        };
        let names = Names {
            tokens: some(shape.tokens, 20),
            owners: some(shape.orders * 690 / 2_176, 20),
            app_data: some(shape.orders * 180 / 2_176, 32),
        };
        Self {
            id: "8339027".to_owned(),
            tokens: names
                .tokens
                .iter()
                .map(|address| (address.clone(), token(&mut random)))
                .collect(),
            orders: (0..shape.orders)
                .map(|_| order(&mut random, &names))
                .collect(),
            liquidity: (0..shape.pools)
                .map(|index| pool(&mut random, &names, index))
                .collect(),
            effective_gas_price: "15000000000".to_owned(),
            deadline: "2026-11-24T12:00:00.000Z".to_owned(),
            surplus_capturing_jit_order_owners: vec![random.hex(20)],
        }
    }
}

fn token(random: &mut Random) -> Token {
    let letters = 3 + random.below(3);
    Token {
        decimals: if random.chance(900) { 18 } else { 6 },
        symbol: (0..letters)
            .map(|_| char::from(b'A' + random.below(26) as u8))
            .collect(),
        reference_price: random.decimal(15, 15),
        available_balance: random.amount(),
        trusted: random.chance(120),
    }
}

fn order(random: &mut Random, names: &Names) -> Order {
    let owner = random.pick(&names.owners).clone();
    let (sell_amount, buy_amount) = (random.amount(), random.amount());
    let valid_to = 1_790_000_000 + random.below(100_000) as u32;
    let (signing_scheme, signature) = match random.below(1_000) {
        0..924 => ("eip712", random.hex(65)),
        924..969 => ("presign", "0x".to_owned()),
        969..984 => ("ethsign", random.hex(65)),
        _ => ("eip1271", contract_signature(random, &owner)),
    };
    Order {
        uid: format!("{}{}{valid_to:08x}", random.hex(32), &owner[2..]),
        sell_token: random.pick(&names.tokens).clone(),
        buy_token: random.pick(&names.tokens).clone(),
        full_sell_amount: sell_amount.clone(),
        sell_amount,
        full_buy_amount: buy_amount.clone(),
        buy_amount,
        fee_policies: vec![FeePolicy {
            kind: "surplus".to_owned(),
            factor: 0.5,
            max_volume_factor: 0.01,
        }],
        valid_to,
        kind: if random.chance(48) { "buy" } else { "sell" }.to_owned(),
        receiver: if random.chance(962) {
            owner.clone()
        } else {
            random.pick(&names.owners).clone()
        },
        partially_fillable: random.chance(908),
        pre_interactions: if random.chance(104) {
            vec![permit(random, names, &owner, valid_to)]
        } else {
            Vec::new()
        },
        owner,
        post_interactions: Vec::new(),
        sell_token_source: "erc20".to_owned(),
        buy_token_destination: "erc20".to_owned(),
        class: "limit".to_owned(),
        app_data: random.pick(&names.app_data).clone(),
        signing_scheme: signing_scheme.to_owned(),
        signature,
    }
}

/// Words of 32 bytes, mostly small numbers and addresses.
fn contract_signature(random: &mut Random, owner: &str) -> String {
    let words = 23 + random.below(15);
    let mut text = String::with_capacity(2 + 64 * words);
    text.push_str("0x");
    for word in 0..words {
        let encoded = match word % 8 {
            0 | 5 => format!("{:0>64}", &owner[2..]),
            2 => random.hex(32)[2..].to_owned(),
            4 => format!("{:064x}", random.below(1 << 40)),
            _ => format!("{:064x}", 32 * word),
        };
        text.push_str(&encoded);
    }
    text
}

/// A permit of 484 bytes: words of 32 bytes, most of them padding, and a signature.
fn permit(random: &mut Random, names: &Names, owner: &str, valid_to: u32) -> Interaction {
    Interaction {
        target: random.pick(&names.tokens).clone(),
        value: "0".to_owned(),
        call_data: format!(
            "{}{:0>64}{:0>64}{:0>64}{:064x}{}{:0>640}",
            random.hex(4),
            &owner[2..],
            &random.pick(&names.owners)[2..],
            "f".repeat(64),
            valid_to,
            &random.hex(65)[2..],
            "",
        ),
    }
}

fn pool(random: &mut Random, names: &Names, index: usize) -> Pool {
    let (id, address) = (index.to_string(), random.hex(20));
    match random.below(100) {
        0..45 => Pool::ConstantProduct {
            id,
            address,
            router: "0x7a250d5630b4cf539739df2c5dacb4c659f2488d".to_owned(),
            gas_estimate: "110000".to_owned(),
            tokens: reserves(random, names, 2, |random| Reserve {
                balance: random.decimal(22, 22),
            }),
            fee: "0.003".to_owned(),
        },
        45..80 => Pool::ConcentratedLiquidity {
            id,
            address,
            router: "0xe592427a0aece92de3edee1f18e0157c05861564".to_owned(),
            gas_estimate: "108163".to_owned(),
            tokens: (0..2).map(|_| random.pick(&names.tokens).clone()).collect(),
            sqrt_price: random.decimal(29, 29),
            liquidity: random.decimal(20, 20),
            tick: random.below(400_000) as i32 - 200_000,
            liquidity_net: liquidity_net(random, quantile(index)),
            fee: "0.003".to_owned(),
        },
        80..99 => {
            let count = [2, 2, 2, 2, 2, 2, 2, 3, 4, 8][random.below(10)];
            Pool::WeightedProduct {
                id,
                balancer_pool_id: format!("{address}{index:024x}"),
                address,
                gas_estimate: "88892".to_owned(),
                tokens: reserves(random, names, count, |random| WeightedReserve {
                    balance: random.decimal(21, 21),
                    scaling_factor: "1".to_owned(),
                    weight: "0.5".to_owned(),
                }),
                fee: "0.003000000000000000".to_owned(),
                version: "v0".to_owned(),
            }
        }
        _ => Pool::Stable {
            id,
            balancer_pool_id: format!("{address}{index:024x}"),
            address,
            amplification_parameter: "200.0".to_owned(),
            gas_estimate: "183520".to_owned(),
            tokens: reserves(random, names, 3, |random| Reserve {
                balance: random.decimal(22, 22),
            }),
            fee: "0.0001".to_owned(),
        },
    }
}

/// `count` different tokens of a pool.
fn reserves<T>(
    random: &mut Random,
    names: &Names,
    count: usize,
    mut reserve: impl FnMut(&mut Random) -> T,
) -> BTreeMap<String, T> {
    let mut reserves = BTreeMap::new();
    for _ in 0..count {
        let mut token = random.pick(&names.tokens);
        while reserves.contains_key(token) && reserves.len() < names.tokens.len() {
            token = &names.tokens[random.below(names.tokens.len())];
        }
        reserves.insert(token.clone(), reserve(random));
    }
    reserves
}

/// Ranges, each of which adds at its lower tick what it takes away at its upper one.
fn liquidity_net(random: &mut Random, quantile: f64) -> BTreeMap<i32, String> {
    let ticks = ticks_at(quantile);
    let lowest = -(random.below(2_000) as i32);
    let mut amount = String::new();
    (0..ticks as i32)
        .map(|tick| {
            let net = if tick % 2 == 0 {
                let length = 14 + random.below(8);
                amount = random.decimal(length, length);
                amount.clone()
            } else {
                format!("-{amount}")
            };
            ((lowest + tick) * 60, net)
        })
        .collect()
}

/// Spread evenly over any run of pools, so that the few large ones are as rare in a small auction as in a large one:
/// multiples of the golden ratio, modulo 1.
fn quantile(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_749_895).fract()
}

fn ticks_at(quantile: f64) -> usize {
    let above = TICKS.partition_point(|(bound, _)| *bound <= quantile);
    let (Some((from, least)), Some((to, most))) = (TICKS.get(above - 1), TICKS.get(above)) else {
        return 1_213;
    };
    let part = (quantile - from) / (to - from);
    least + (part * (most - least) as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(shape: Shape, seed: u64) -> Vec<u8> {
        serde_json::to_vec(&Auction::generate(shape, seed)).unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_gives_others() {
        assert_eq!(json(Shape::SMALL, 1), json(Shape::SMALL, 1));
        assert_ne!(json(Shape::SMALL, 1), json(Shape::SMALL, 2));
    }

    #[test]
    fn sizes_are_those_measured() {
        for (shape, megabytes) in [
            (Shape::SMALL, 3.3),
            (Shape::MAINNET, 8.5),
            (Shape::LARGE, 26.0),
        ] {
            let found = json(shape, 0).len() as f64 / 1e6;
            assert!((found / megabytes - 1.0).abs() < 0.02, "{found} MB");
        }
    }

    #[test]
    fn compresses_as_real_auctions_do() {
        let raw = json(Shape::MAINNET, 0);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        std::io::Write::write_all(&mut encoder, &raw).unwrap();
        let gzip = raw.len() as f64 / encoder.finish().unwrap().len() as f64;
        let zstd = raw.len() as f64 / zstd::bulk::compress(&raw, 1).unwrap().len() as f64;
        assert!((4.2..4.8).contains(&gzip), "gzip {gzip}");
        assert!((4.9..5.5).contains(&zstd), "zstd {zstd}");
    }
}
