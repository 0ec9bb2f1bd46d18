use clap::Args;

use crate::{Design, Size};

/// Compares designs that send one auction to many engines and archive it. Prints Markdown, and writes `report.json` below
/// `comparison` in the target folder.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// How often each design runs in each scenario.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// How large auctions are.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["small", "mainnet", "large"])]
    pub auctions: Vec<Size>,
    /// How many engines there are.
    #[arg(long, value_delimiter = ',', default_values = ["1", "8", "32"])]
    pub solvers: Vec<usize>,
    /// Which designs, with which codec.
    #[arg(long, value_enum, value_delimiter = ',', default_values = [
        "threaded", "threaded-one-archive", "per-solver-gzip", "shared-gzip", "shared-zstd", "ours-gzip", "ours-zstd",
    ])]
    pub designs: Vec<Design>,
    /// What auctions are generated from.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Do not first check, once for each design and scenario, that engines and archive get the right bytes.
    #[arg(long)]
    pub unchecked: bool,
}
