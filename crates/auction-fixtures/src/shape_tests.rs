//! The generated auctions against the shape that was measured.

use std::collections::HashSet;
use std::io;

use serde::Serialize;

use super::*;

/// Bytes of compact JSON.
fn size(value: &impl Serialize) -> f64 {
    serde_json::to_vec(value).unwrap().len() as f64
}

/// Asserts mean, median and 95th percentile within 5 %, and the maximum within 10 %.
#[track_caller]
fn assert_sizes(what: &str, sizes: impl Iterator<Item = f64>, [mean, median, p95, max]: [f64; 4]) {
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort_by(f64::total_cmp);
    let at = |quantile: f64| sizes[(sizes.len() as f64 * quantile) as usize];
    let actual = [
        sizes.iter().sum::<f64>() / sizes.len() as f64,
        at(0.5),
        at(0.95),
        sizes[sizes.len() - 1],
    ];
    for ((actual, expected), tolerance) in actual
        .iter()
        .zip([mean, median, p95, max])
        .zip([0.05, 0.05, 0.05, 0.1])
    {
        let off = (actual - expected).abs() / expected;
        assert!(
            off <= tolerance,
            "{what}: {actual:.0} where {expected} was measured"
        );
    }
}

/// Asserts that of `items`, `share` (0 to 1) are so, give or take `tolerance`.
#[track_caller]
fn assert_share<T>(what: &str, items: &[T], share: f64, tolerance: f64, is: impl Fn(&T) -> bool) {
    let actual = items.iter().filter(|item| is(item)).count() as f64 / items.len() as f64;
    assert!(
        (actual - share).abs() <= tolerance,
        "{what}: {actual:.4} where {share} was measured"
    );
}

#[test]
fn orders_have_the_measured_sizes_and_shares() {
    for seed in [0, 1] {
        let orders = AuctionShape {
            seed,
            ..AuctionShape::MAINNET
        }
        .auction()
        .orders;
        let hooked = |order: &&Order| !order.pre_interactions.is_empty();
        assert_sizes(
            "order",
            orders.iter().map(size),
            [1_105.0, 981.0, 2_044.0, 3_311.0],
        );
        let plain = orders
            .iter()
            .filter(|order| !hooked(order) && order.signature.0.len() == 65);
        assert_sizes(
            "plain order",
            plain.map(size),
            [981.0, 979.0, 1_003.0, 1_133.0],
        );
        let with_hook = orders.iter().filter(hooked);
        assert_sizes(
            "order with hook",
            with_hook.map(size),
            [2_038.0, 2_038.0, 2_060.0, 2_856.0],
        );

        assert_share("hooks", &orders, 0.104, 0.003, |order| {
            order.pre_interactions.len() == 1
        });
        assert_share("hooks behind", &orders, 0.0, 0.0, |order| {
            !order.post_interactions.is_empty()
        });
        assert_share("partially fillable", &orders, 0.908, 0.015, |order| {
            order.partially_fillable
        });
        assert_share("buy", &orders, 0.048, 0.01, |order| {
            order.kind == OrderKind::Buy
        });
        assert_share("own receiver", &orders, 0.962, 0.01, |order| {
            order.receiver == order.owner
        });
        assert_share("one fee policy", &orders, 0.99, 0.006, |order| {
            order.fee_policies.len() == 1
        });
        for (scheme, share) in [
            (SigningScheme::Eip712, 0.924),
            (SigningScheme::PreSign, 0.045),
            (SigningScheme::EthSign, 0.0155),
            (SigningScheme::Eip1271, 0.0154),
        ] {
            assert_share("signing scheme", &orders, share, 0.002, |order| {
                order.signing_scheme == scheme
            });
        }
    }
}

#[test]
fn owners_and_app_data_return_as_often_as_measured() {
    for seed in [0, 1] {
        let orders = AuctionShape {
            orders: 2_176,
            seed,
            ..AuctionShape::MAINNET
        }
        .auction()
        .orders;
        let owners = orders
            .iter()
            .map(|order| order.owner)
            .collect::<HashSet<_>>()
            .len();
        let app_data = orders
            .iter()
            .map(|order| order.app_data)
            .collect::<HashSet<_>>()
            .len();
        assert!(
            (620..=760).contains(&owners),
            "{owners} owners where 690 were measured"
        );
        assert!(
            (140..=220).contains(&app_data),
            "{app_data} appData where 180 were measured"
        );
    }
}

#[test]
fn tokens_have_the_measured_sizes() {
    let tokens = AuctionShape::MAINNET.auction().tokens.0;
    // With its key, in quotes, and the colon.
    let sizes = tokens
        .iter()
        .map(|(address, token)| size(address) + 1.0 + size(token));
    assert_sizes("token", sizes, [156.0, 154.0, 171.0, 176.0]);
}

#[test]
fn pools_have_the_measured_sizes_and_shares() {
    for seed in [0, 1] {
        let pools = AuctionShape {
            seed,
            ..AuctionShape::MAINNET
        }
        .auction()
        .liquidity;
        let constant = |pool: &Liquidity| matches!(pool, Liquidity::ConstantProduct(_));
        let weighted = |pool: &Liquidity| matches!(pool, Liquidity::WeightedProduct(_));
        let stable = |pool: &Liquidity| matches!(pool, Liquidity::Stable(_));
        let concentrated = |pool: &Liquidity| matches!(pool, Liquidity::ConcentratedLiquidity(_));
        assert_share("constant product", &pools, 0.45, 0.005, constant);
        assert_share("weighted product", &pools, 0.19, 0.005, weighted);
        assert_share("stable", &pools, 0.01, 0.005, stable);
        assert_share("concentrated liquidity", &pools, 0.35, 0.005, concentrated);

        let sizes =
            |is: fn(&Liquidity) -> bool| pools.iter().filter(move |pool| is(pool)).map(size);
        assert_sizes(
            "constant product",
            sizes(constant),
            [347.0, 350.0, 361.0, 367.0],
        );
        assert_sizes(
            "weighted product",
            sizes(weighted),
            [628.0, 551.0, 1_078.0, 1_197.0],
        );
        assert_sizes("stable", sizes(stable), [531.0, 546.0, 647.0, 647.0]);
        assert_sizes(
            "concentrated liquidity",
            sizes(concentrated),
            [1_698.0, 734.0, 6_274.0, 34_062.0],
        );
        let ticks = pools.iter().filter_map(|pool| match pool {
            Liquidity::ConcentratedLiquidity(pool) => Some(pool.liquidity_net.len() as f64),
            _ => None,
        });
        // A median of 10 ticks is 5 % off at 9.
        let mut ticks: Vec<_> = ticks.collect();
        ticks.sort_by(f64::total_cmp);
        assert!((9.0..=11.0).contains(&ticks[ticks.len() / 2]));
        let mean = ticks.iter().sum::<f64>() / ticks.len() as f64;
        assert!(
            (41.0..=45.0).contains(&mean),
            "{mean} ticks where 43 were measured"
        );
    }
}

#[test]
fn auctions_have_the_measured_size_whatever_the_seed() {
    for seed in 0..4 {
        for (shape, expected) in [(AuctionShape::SMALL, 3.3e6), (AuctionShape::MAINNET, 8.5e6)] {
            let bytes = AuctionShape { seed, ..shape }.write_to(io::sink()).unwrap() as f64;
            let off = (bytes - expected).abs() / expected;
            assert!(
                off <= 0.03,
                "{bytes} bytes of seed {seed} where {expected} are meant"
            );
        }
    }
}
