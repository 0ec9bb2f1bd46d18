use std::io::{self, Write};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount, Liquidity, Object, Order, Token};

/// The body of a `/solve` request: what a solver is asked to settle.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    /// Its number.
    pub id: String,
    /// What is known of each token.
    pub tokens: Object<Token>,
    /// What is to be traded.
    pub orders: Vec<Order>,
    /// What it can be traded with.
    pub liquidity: Vec<Liquidity>,
    /// Wei for a unit of gas.
    pub effective_gas_price: Amount,
    /// When the answer is due, as RFC 3339.
    pub deadline: String,
    /// Contracts whose surplus counts though their orders are made on the spot.
    pub surplus_capturing_jit_order_owners: Vec<Address>,
}

/// How much there is of what in a generated auction, and the seed that chooses the rest.
///
/// Order, token and pool number 17 of a seed are the same whatever the numbers of orders and pools are, as long as the
/// number of tokens (which orders and pools choose from) stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuctionShape {
    /// Orders, of about 1,105 bytes each.
    pub orders: usize,
    /// Tokens, of about 156 bytes each.
    pub tokens: usize,
    /// Pools, of about 875 bytes each.
    pub pools: usize,
    /// What everything else is derived from.
    pub seed: u64,
}

impl Default for AuctionShape {
    /// [`AuctionShape::MAINNET`].
    fn default() -> Self {
        Self::MAINNET
    }
}

impl AuctionShape {
    /// About 3.3 MB of JSON.
    pub const SMALL: Self = Self::new(2_083, 730, 1_001);

    /// About 8.5 MB of JSON, as on mainnet today.
    pub const MAINNET: Self = Self::new(5_618, 987, 2_428);

    /// About 26 MB of JSON.
    pub const LARGE: Self = Self::new(17_100, 3_000, 7_400);

    /// About 310 MB of JSON.
    pub const HUGE: Self = Self::new(204_000, 36_000, 88_000);

    /// About 1 GiB of JSON.
    pub const GIANT: Self = Self::new(706_000, 124_000, 304_500);

    /// The names of these shapes, from the smallest to the largest.
    pub const NAMES: [&'static str; 5] = ["small", "mainnet", "large", "huge", "giant"];

    /// The shape of this name, one of [`NAMES`](Self::NAMES).
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::SMALL),
            "mainnet" => Some(Self::MAINNET),
            "large" => Some(Self::LARGE),
            "huge" => Some(Self::HUGE),
            "giant" => Some(Self::GIANT),
            _ => None,
        }
    }

    /// The shape with seed 0.
    pub const fn new(orders: usize, tokens: usize, pools: usize) -> Self {
        Self {
            orders,
            tokens,
            pools,
            seed: 0,
        }
    }

    /// The same numbers of items, chosen by another seed.
    pub const fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Writes the auction as compact JSON, and returns how many bytes that were.
    ///
    /// Takes constant memory: each item is made, written and forgotten. Output is gathered into writes of 64 KiB, and
    /// `writer` is flushed at the end. The bytes are those of serialising [`AuctionShape::auction`] with serde_json.
    ///
    /// # Errors
    ///
    /// Whatever `writer` reports; what was written until then is no whole document.
    pub fn write_to(&self, writer: impl Write) -> io::Result<u64> {
        let mut writer = Counted {
            inner: io::BufWriter::with_capacity(64 * 1024, writer),
            bytes: 0,
        };
        serde_json::to_writer(&mut writer, &self.lazy())?;
        writer.inner.flush()?;
        Ok(writer.bytes)
    }

    /// The auction as a value. Takes memory for all of it, about as much as its JSON.
    pub fn auction(&self) -> Auction {
        let lazy = self.lazy();
        Auction {
            tokens: Object(lazy.tokens().collect()),
            orders: lazy.orders().collect(),
            liquidity: lazy.liquidity().collect(),
            id: lazy.id,
            effective_gas_price: lazy.effective_gas_price,
            deadline: lazy.deadline,
            surplus_capturing_jit_order_owners: lazy.surplus_capturing_jit_order_owners,
        }
    }

    /// The auction as a value that takes constant memory: its items are made while it is serialised.
    pub fn lazy(&self) -> LazyAuction {
        let universe = Universe::new(self.seed, self.tokens as u64);
        let mut chance = Chance::new(self.seed, Kind::Auction, 0);
        let (hour, minute, second) = (chance.below(24), chance.below(60), chance.below(60));
        let nanosecond = chance.below(1_000_000_000);
        LazyAuction {
            id: (8_000_000 + chance.below(2_000_000)).to_string(),
            effective_gas_price: Amount::from(100_000_000 + chance.below(30_000_000_000)),
            // The seed says when: a wall clock would make two runs differ.
            deadline: format!("2026-08-06T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z"),
            surplus_capturing_jit_order_owners: (17..19)
                .map(|index| universe.address(Kind::Contract, index))
                .collect(),
            shape: *self,
            universe,
        }
    }
}

/// An [`Auction`] that serialises to the same bytes, its items made while they are written, and forgotten.
#[derive(Clone, Debug)]
pub struct LazyAuction {
    id: String,
    effective_gas_price: Amount,
    deadline: String,
    surplus_capturing_jit_order_owners: Vec<Address>,
    shape: AuctionShape,
    universe: Universe,
}

impl LazyAuction {
    /// The tokens, each made when it is asked for.
    pub fn tokens(&self) -> impl Iterator<Item = (Address, Token)> + Send + use<> {
        let universe = self.universe;
        (0..self.shape.tokens as u64).map(move |index| {
            let address = universe.address(Kind::Token, index);
            (address, Token::generate(&universe, index))
        })
    }

    /// The orders, each made when it is asked for.
    pub fn orders(&self) -> impl Iterator<Item = Order> + Send + use<> {
        let universe = self.universe;
        (0..self.shape.orders as u64).map(move |index| Order::generate(&universe, index))
    }

    /// The pools, each made when it is asked for.
    pub fn liquidity(&self) -> impl Iterator<Item = Liquidity> + Send + use<> {
        let universe = self.universe;
        (0..self.shape.pools as u64).map(move |index| Liquidity::generate(&universe, index))
    }
}

impl Serialize for LazyAuction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut auction = serializer.serialize_struct("Auction", 7)?;
        auction.serialize_field("id", &self.id)?;
        auction.serialize_field("tokens", &Entries(|| self.tokens()))?;
        auction.serialize_field("orders", &Elements(|| self.orders()))?;
        auction.serialize_field("liquidity", &Elements(|| self.liquidity()))?;
        auction.serialize_field("effectiveGasPrice", &self.effective_gas_price)?;
        auction.serialize_field("deadline", &self.deadline)?;
        let owners = &self.surplus_capturing_jit_order_owners;
        auction.serialize_field("surplusCapturingJitOrderOwners", owners)?;
        auction.end()
    }
}

/// An object of what an iterator gives.
struct Entries<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = (Address, Token)>> Serialize for Entries<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map((self.0)())
    }
}

/// An array of what an iterator gives.
struct Elements<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Elements<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// A writer and how many bytes it took.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
