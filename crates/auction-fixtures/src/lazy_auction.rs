use serde::{Serialize, Serializer};

use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::{Address, Amount, Auction, AuctionShape, Liquidity, Object, Order, Token};

/// An [`Auction`] whose items are made while they are written, and forgotten.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LazyAuction {
    id: String,
    tokens: Tokens,
    orders: Orders,
    liquidity: Pools,
    effective_gas_price: Amount,
    deadline: String,
    surplus_capturing_jit_order_owners: Vec<Address>,
}

impl LazyAuction {
    pub(super) fn new(shape: &AuctionShape) -> Self {
        let universe = Universe::new(shape);
        let mut chance = Chance::new(shape.seed, Kind::Auction, 0);
        let (hour, minute, second) = (chance.below(24), chance.below(60), chance.below(60));
        let nanosecond = chance.below(1_000_000_000);
        Self {
            id: (8_000_000 + chance.below(2_000_000)).to_string(),
            tokens: Tokens(universe, shape.tokens as u64),
            orders: Orders(universe, shape.orders as u64),
            liquidity: Pools(universe, shape.pools as u64),
            effective_gas_price: Amount::from(100_000_000 + chance.below(30_000_000_000)),
            // The seed says when: a wall clock would make two runs differ.
            deadline: format!("2026-08-06T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z"),
            surplus_capturing_jit_order_owners: (17..19)
                .map(|index| universe.address(Kind::Contract, index))
                .collect(),
        }
    }

    /// Makes all items, and keeps them.
    pub(super) fn collect(self) -> Auction {
        Auction {
            id: self.id,
            tokens: Object(self.tokens.iter().collect()),
            orders: self.orders.iter().collect(),
            liquidity: self.liquidity.iter().collect(),
            effective_gas_price: self.effective_gas_price,
            deadline: self.deadline,
            surplus_capturing_jit_order_owners: self.surplus_capturing_jit_order_owners,
        }
    }
}

/// The first so many tokens.
#[derive(Debug)]
struct Tokens(Universe, u64);

impl Tokens {
    fn iter(&self) -> impl Iterator<Item = (Address, Token)> {
        (0..self.1).map(|index| {
            (
                self.0.address(Kind::Token, index),
                Token::generate(&self.0, index),
            )
        })
    }
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// The first so many orders.
#[derive(Debug)]
struct Orders(Universe, u64);

impl Orders {
    fn iter(&self) -> impl Iterator<Item = Order> {
        (0..self.1).map(|index| Order::generate(&self.0, index))
    }
}

impl Serialize for Orders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The first so many pools.
#[derive(Debug)]
struct Pools(Universe, u64);

impl Pools {
    fn iter(&self) -> impl Iterator<Item = Liquidity> {
        (0..self.1).map(|index| Liquidity::generate(&self.0, index))
    }
}

impl Serialize for Pools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
