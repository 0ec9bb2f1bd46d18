use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use comparison_auction::Shape;

use crate::Codec;

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
    /// How large the auction is: small, mainnet or large.
    #[arg(long, value_parser = shape)]
    pub(crate) auction: Shape,
    /// What the auction is generated from.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write the archived object to this file, for checking it. What is measured then counts for nothing.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}

fn shape(name: &str) -> Result<Shape, String> {
    Shape::named(name).ok_or_else(|| "expected small, mainnet or large".to_owned())
}
