//! `generate`: an auction on standard output.

use std::io::{self, BufWriter, Write};

use auction_fixtures::AuctionShape;

use crate::arguments::GenerateArguments;
use crate::exit::{Exit, Failure, printed};

pub(super) fn run(arguments: &GenerateArguments) -> Result<Exit, Failure> {
    let mainnet = AuctionShape::MAINNET;
    let shape = AuctionShape {
        orders: arguments.orders.unwrap_or(mainnet.orders),
        tokens: arguments.tokens.unwrap_or(mainnet.tokens),
        pools: arguments.pools.unwrap_or(mainnet.pools),
        seed: arguments.seed.unwrap_or(mainnet.seed),
    };
    let mut output = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let written = shape
        .write_to(&mut output)
        .and_then(|_bytes| writeln!(output))
        .and_then(|()| output.flush());
    printed(written).map(|()| Exit::Ok)
}
