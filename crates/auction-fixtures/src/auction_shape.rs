use std::io::{self, Write};

use super::Auction;
use super::lazy_auction::LazyAuction;

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
        serde_json::to_writer(&mut writer, &LazyAuction::new(self))?;
        writer.inner.flush()?;
        Ok(writer.bytes)
    }

    /// The auction as a value. Takes memory for all of it, about as much as its JSON.
    pub fn auction(&self) -> Auction {
        LazyAuction::new(self).collect()
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
