//! Solver engines, all in one process: each reads request bodies to their end and throws them away, and answers that it
//! has found nothing.
//!
//! The first line of the output says where they listen. Each line of the input that is `report` is answered by one line:
//! what has been received since the last. The end of the input ends the process. What a stalled engine was sent is never
//! told.

mod arguments;
mod engine;
mod log;

use std::error::Error;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use clap::Parser as _;
use comparison_records::Listening;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

use self::arguments::Arguments;
use self::engine::Engine;
use self::log::Log;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.workers)
        .enable_all()
        .build()?
        .block_on(serve(&arguments))
}

async fn serve(arguments: &Arguments) -> Result<()> {
    let log = Arc::new(Log::new());
    let mut addresses = Vec::new();
    for index in 0..arguments.engines {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        addresses.push(listener.local_addr()?);
        let stalls = index + arguments.stalled >= arguments.engines;
        let engine = Engine::new(index, arguments.check, stalls, Arc::clone(&log));
        tokio::spawn(engine.serve(listener));
    }
    print(&serde_json::to_value(Listening { addresses })?)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "report" => print(&serde_json::to_value(log.report())?)?,
            _ => return Err("expected `report`".into()),
        }
    }
    Ok(())
}

fn print(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
