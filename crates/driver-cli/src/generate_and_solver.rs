//! `generate` and `solver`: an auction to send, and an engine to send it to.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use auction_fixtures::AuctionShape;
use solver_stand_in::StandIn;

use crate::arguments::{GenerateArguments, SolverArguments};
use crate::exit::{Failure, print_json, print_line, printed};

pub(super) fn generate(arguments: &GenerateArguments) -> Result<ExitCode, Failure> {
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
        .and_then(|_bytes| output.flush());
    printed(written).map(|()| ExitCode::SUCCESS)
}

/// Answers requests until the program ends, and prints a line for each.
pub(super) async fn serve(arguments: SolverArguments) -> Result<ExitCode, Failure> {
    let mut builder = StandIn::builder()
        .on_request(|report| {
            if let Err(failure) = print_json("a report", &report) {
                let _exit = failure.report();
            }
        })
        .delay(arguments.delay.unwrap_or_default())
        .status(arguments.status.unwrap_or(200));
    if let Some(rate) = arguments.read_rate {
        builder = builder.read_rate(rate);
    }
    if let Some(bytes) = arguments.stall_after {
        builder = builder.stall_after(bytes);
    }
    if let Some(bytes) = arguments.reset_after {
        builder = builder.reset_after(bytes);
    }
    if let Some(path) = &arguments.respond {
        let label = format!("{}: cannot be read", path.display());
        builder = builder.response(std::fs::read(path).map_err(Failure::input(label))?);
    }
    let label = format!("cannot listen on {}", arguments.listen);
    let engine = builder.bind(arguments.listen).await;
    let engine = engine.map_err(Failure::of(label))?;
    print_line(&engine.url())?;
    engine.serve().await;
    Ok(ExitCode::SUCCESS)
}
