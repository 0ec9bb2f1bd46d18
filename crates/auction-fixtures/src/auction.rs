use std::io::{self, Write};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount, Liquidity, Object, Order, Token};

/// The body of a `/solve` request.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    /// The number of the auction.
    pub id: String,
    /// The tokens, by address.
    pub tokens: Object<Token>,
    /// The orders to settle.
    pub orders: Vec<Order>,
    /// The pools to trade with.
    pub liquidity: Vec<Liquidity>,
    /// Wei for each unit of gas.
    pub effective_gas_price: Amount,
    /// The deadline for the answer, in RFC 3339.
    pub deadline: String,
    /// Contracts whose surplus counts although they create their orders just in time.
    pub surplus_capturing_jit_order_owners: Vec<Address>,
}

/// The numbers of orders, tokens and pools in a generated auction, and the seed that determines the rest.
///
/// For the same seed and number of tokens, order, token and pool number 17 do not depend on the numbers of orders and pools.
/// Orders and pools choose from the tokens, so another number of tokens changes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuctionShape {
    /// The number of orders, of about 1,105 bytes each.
    pub orders: usize,
    /// The number of tokens, of about 156 bytes each.
    pub tokens: usize,
    /// The number of pools, of about 875 bytes each.
    pub pools: usize,
    /// The seed that everything else is derived from.
    pub seed: u64,
}

impl Default for AuctionShape {
    /// Returns [`AuctionShape::MAINNET`].
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

    /// The names of the shapes above, from the smallest to the largest.
    pub const NAMES: [&'static str; 5] = ["small", "mainnet", "large", "huge", "giant"];

    /// Returns the shape with this name, which is one of [`NAMES`](Self::NAMES).
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

    /// Creates a shape with seed 0.
    pub const fn new(orders: usize, tokens: usize, pools: usize) -> Self {
        Self {
            orders,
            tokens,
            pools,
            seed: 0,
        }
    }

    /// Sets the seed. The numbers of items stay the same.
    pub const fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Writes the auction as compact JSON, and returns the number of bytes.
    ///
    /// This takes constant memory: each item is created, written and dropped. It writes 64 KiB at a time, and flushes
    /// `writer` at the end. The bytes are those of serialising [`AuctionShape::auction`] with serde_json.
    ///
    /// # Errors
    ///
    /// Returns the errors of `writer`. What was written until then is not a complete document.
    pub fn write_to(&self, writer: impl Write) -> io::Result<u64> {
        let mut writer = Counted {
            inner: io::BufWriter::with_capacity(64 * 1024, writer),
            bytes: 0,
        };
        serde_json::to_writer(&mut writer, &self.lazy())?;
        writer.inner.flush()?;
        Ok(writer.bytes)
    }

    /// Returns the auction as a value. It takes about as much memory as its JSON.
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

    /// Returns the auction as a value that takes constant memory: its items are created while it is serialised.
    pub fn lazy(&self) -> LazyAuction {
        let universe = Universe::new(self.seed, self.tokens as u64);
        let mut chance = Chance::new(self.seed, Kind::Auction, 0);
        let (hour, minute, second) = (chance.below(24), chance.below(60), chance.below(60));
        let nanosecond = chance.below(1_000_000_000);
        LazyAuction {
            id: (8_000_000 + chance.below(2_000_000)).to_string(),
            effective_gas_price: Amount::from(100_000_000 + chance.below(30_000_000_000)),
            // The deadline follows from the seed, because a wall clock would make two runs differ.
            deadline: format!("2026-08-06T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z"),
            surplus_capturing_jit_order_owners: (17..19)
                .map(|index| universe.address(Kind::Contract, index))
                .collect(),
            shape: *self,
            universe,
        }
    }
}

/// A value that serialises to the bytes of an [`Auction`], and creates each item when it is written.
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
    /// Returns the tokens. The iterator creates each one on demand.
    pub fn tokens(&self) -> impl Iterator<Item = (Address, Token)> + Send + use<> {
        let universe = self.universe;
        (0..self.shape.tokens as u64).map(move |index| {
            let address = universe.address(Kind::Token, index);
            (address, Token::generate(&universe, index))
        })
    }

    /// Returns the orders. The iterator creates each one on demand.
    pub fn orders(&self) -> impl Iterator<Item = Order> + Send + use<> {
        let universe = self.universe;
        (0..self.shape.orders as u64).map(move |index| Order::generate(&universe, index))
    }

    /// Returns the pools. The iterator creates each one on demand.
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

/// Serialises the entries of an iterator as an object.
struct Entries<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = (Address, Token)>> Serialize for Entries<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map((self.0)())
    }
}

/// Serialises the items of an iterator as an array.
struct Elements<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Elements<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// A writer that counts its bytes.
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

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
