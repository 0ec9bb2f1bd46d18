use std::net::SocketAddr;
use std::path::PathBuf;

use auction_fixtures::AuctionShape;
use clap::{Parser, ValueEnum};

/// Sends one auction to every engine and archives it, and prints what that took as one line of JSON.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Addresses of engines, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) engines: Vec<SocketAddr>,
    /// Which of the program's designs.
    #[arg(long)]
    pub(crate) design: String,
    /// How the archive is compressed.
    #[arg(long, value_enum, default_value_t = Codec::Gzip)]
    pub(crate) codec: Codec,
    /// How large the auction is: small, mainnet, large, huge or giant.
    #[arg(long, value_parser = shape)]
    pub(crate) auction: AuctionShape,
    /// What the auction is generated from.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// When every request is given up, in milliseconds after the call. By default no run comes near it.
    #[arg(long, default_value_t = 120_000)]
    pub(crate) deadline_ms: u64,
    /// Some engines stall, so that the call cannot end well: what it took counts all the same.
    #[arg(long)]
    pub(crate) stalled: bool,
    /// Measure by how much timers are late meanwhile. What else is measured then counts for less.
    #[arg(long)]
    pub(crate) ticker: bool,
    /// Write the archived object to this file, for checking it. What is measured then counts for nothing.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}

fn shape(name: &str) -> Result<AuctionShape, String> {
    AuctionShape::named(name)
        .ok_or_else(|| format!("expected one of {}", AuctionShape::NAMES.join(", ")))
}

/// How the archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// At level 3.
    Gzip,
    /// At level 1, with a checksum.
    Zstd,
}
