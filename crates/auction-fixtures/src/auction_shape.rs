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
    /// [`AuctionShape::mainnet`].
    fn default() -> Self {
        Self::mainnet()
    }
}

impl AuctionShape {
    /// An auction of about 8.5 MB, as on mainnet today: 5,618 orders, 987 tokens and 2,428 pools; seed 0.
    pub const fn mainnet() -> Self {
        Self {
            orders: 5_618,
            tokens: 987,
            pools: 2_428,
            seed: 0,
        }
    }

    /// An auction of about 3.3 MB: 2,083 orders, 730 tokens and 1,001 pools; seed 0.
    pub const fn small() -> Self {
        Self {
            orders: 2_083,
            tokens: 730,
            pools: 1_001,
            seed: 0,
        }
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
