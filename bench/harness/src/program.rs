//! What every compared program does: it reads the same arguments, makes one call, and measures that.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use auction_fixtures::{Auction, AuctionShape};
use bench_records::{
    Footprint, Measurement, Timers, monotonic_nanoseconds, process_cpu_nanoseconds, threads,
};
use clap::{Parser, ValueEnum};
use futures_util::future::try_join_all;
use scripted_store::ScriptedStore;

use crate::ticker::Ticker;
use crate::{Design, Setup};

/// Threads of the runtime, the same wherever it runs.
pub const WORKERS: usize = 2;

/// Sends one auction to every engine and archives it, and prints what that took as one line of JSON.
#[derive(Debug, Parser)]
struct Arguments {
    /// Addresses of engines, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    engines: Vec<SocketAddr>,
    /// Which of the program's designs.
    #[arg(long)]
    design: String,
    /// How the archive is compressed.
    #[arg(long, value_enum, default_value_t = Codec::Gzip)]
    codec: Codec,
    /// How large the auction is: small, mainnet, large, huge or giant.
    #[arg(long, value_parser = shape)]
    auction: AuctionShape,
    /// What the auction is generated from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// When every request is given up, in milliseconds after the call. By default no run comes near it.
    #[arg(long, default_value_t = 120_000)]
    deadline_ms: u64,
    /// Some engines are given up at the deadline, so that the call cannot end well: what it took counts all the same.
    #[arg(long)]
    give_up: bool,
    /// So many callers make the call, and make it again until the period is over.
    #[arg(long, default_value_t = 1)]
    callers: usize,
    #[arg(long, default_value_t = 0)]
    period_ms: u64,
    /// Measure by how much timers are late meanwhile. What else is measured then counts for less.
    #[arg(long)]
    ticker: bool,
    /// Write the archived object to this file, for checking it. What is measured then counts for nothing.
    #[arg(long)]
    keep: Option<PathBuf>,
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
    /// There is no archive.
    None,
}

/// The `main` of a compared program.
pub fn run<D: Design>(new: impl FnOnce(Setup) -> Result<D>) -> Result<()> {
    let measurement = measure(Arguments::parse(), new)?;
    println!("{}", serde_json::to_string(&measurement)?);
    Ok(())
}

fn measure<D: Design>(
    arguments: Arguments,
    new: impl FnOnce(Setup) -> Result<D>,
) -> Result<Measurement> {
    let solvers = arguments.engines.len();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let store = match &arguments.keep {
        Some(_) => ScriptedStore::in_memory(),
        None => ScriptedStore::discarding(),
    };
    let _context = runtime.enter();
    let design = Arc::new(new(Setup {
        design: arguments.design,
        engines: arguments.engines,
        codec: arguments.codec,
        deadline: Duration::from_millis(arguments.deadline_ms),
        store: store.clone(),
    })?);

    let warming = Arc::clone(&design);
    runtime.block_on(runtime.spawn(async move { warming.warm_up().await }))??;
    let auction = Arc::new(arguments.auction.with_seed(arguments.seed).auction());

    let ticker = if arguments.ticker {
        Some((runtime.block_on(Ticker::at_rest())?, Ticker::start()))
    } else {
        None
    };
    let at_rest = Footprint::at_rest()?;
    let cpu = process_cpu_nanoseconds();
    // In a task of a worker, where a server would make the call.
    let period = Duration::from_millis(arguments.period_ms);
    let calls = (0..arguments.callers)
        .map(|_| runtime.spawn(calls(Arc::clone(&design), Arc::clone(&auction), period)));
    let ended = runtime.block_on(try_join_all(calls.collect::<Vec<_>>()))?;
    let called_at_ns = ended.iter().map(|(called_at_ns, _)| *called_at_ns);
    let called_at_ns = called_at_ns.min().context("nobody calls")?;
    let productions: Result<f64> = ended.into_iter().map(|(_, productions)| productions).sum();
    let ended_at_ns = monotonic_nanoseconds();
    let cpu_ms = (process_cpu_nanoseconds() - cpu) as f64 / 1e6;
    let threads = threads()?;
    let peak_rss_over_base_kib = at_rest.peak_kib()?;
    let timers = match ticker {
        Some((at_rest, ticker)) => Some(Timers {
            at_rest,
            meanwhile: runtime.block_on(ticker.stop())?,
        }),
        None => None,
    };
    let productions = match productions {
        Err(_timed_out) if arguments.give_up => 0.0,
        productions => productions?,
    };

    if let Some(path) = arguments.keep.filter(|_| arguments.codec != Codec::None) {
        let names = runtime.block_on(store.names());
        let name = names.first().context("nothing was archived")?;
        let object = runtime.block_on(store.object(name));
        fs::write(&path, object.context("the archive is gone")?)?;
    }
    Ok(Measurement {
        auction_bytes: serde_json::to_vec(&*auction)?.len() as u64,
        solvers,
        cpu_ms,
        peak_rss_over_base_kib,
        base_rss_kib: at_rest.resident_kib,
        threads_at_rest: at_rest.threads,
        threads,
        wall_ms: (ended_at_ns - called_at_ns) as f64 / 1e6,
        productions,
        called_at_ns,
        timers,
    })
}

/// Makes the call, and makes it again until the period is over. Returns when it was made first, and how often the auction
/// was serialised.
async fn calls<D: Design>(
    design: Arc<D>,
    auction: Arc<Auction>,
    period: Duration,
) -> (u64, Result<f64>) {
    let called_at_ns = monotonic_nanoseconds();
    let mut productions = design.run(Arc::clone(&auction)).await;
    while monotonic_nanoseconds() - called_at_ns < period.as_nanos() as u64
        && let Ok(before) = productions
    {
        let again = design.run(Arc::clone(&auction)).await;
        productions = again.map(|again| before + again);
    }
    (called_at_ns, productions)
}
