use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use auction_fixtures::Auction;
use clap::Parser as _;
use comparison_records::{Measurement, Timers, monotonic_nanoseconds, process_cpu_nanoseconds};

use crate::arguments::Arguments;
use crate::counted::Counted;
use crate::exit_code::exit_code;
use crate::process::{forget_peak, status, system_milliseconds};
use crate::ticker::Ticker;
use crate::{CountingStore, Design, Result, Setup};

/// Threads of the runtime, the same wherever it runs.
pub const WORKERS: usize = 2;

/// The `main` of a compared program.
pub fn run<D: Design>(new: impl FnOnce(Setup) -> Result<D>) -> ExitCode {
    let measured = measure(&Arguments::parse(), new).and_then(|measurement| {
        let mut line = serde_json::to_string(&measurement)?;
        line.push('\n');
        Ok(std::io::stdout().write_all(line.as_bytes())?)
    });
    exit_code(measured)
}

fn measure<D: Design>(
    arguments: &Arguments,
    new: impl FnOnce(Setup) -> Result<D>,
) -> Result<Measurement> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let store = CountingStore::new(arguments.keep.clone());
    let _context = runtime.enter();
    let design = Arc::new(new(Setup {
        design: arguments.design.clone(),
        engines: arguments.engines.clone(),
        codec: arguments.codec,
        deadline: Duration::from_millis(arguments.deadline_ms),
        store: store.clone(),
    })?);

    let warming = Arc::clone(&design);
    runtime.block_on(runtime.spawn(async move { warming.warm_up().await }))??;
    let auction = Arc::new(arguments.auction.with_seed(arguments.seed).auction());

    let timers_at_rest = if arguments.ticker {
        Some(runtime.block_on(Ticker::at_rest())?)
    } else {
        None
    };
    let ticker = arguments.ticker.then(Ticker::start);
    let threads_at_rest = status("Threads:")?;
    forget_peak()?;
    let base_rss_kib = status("VmRSS:")?;
    let system = system_milliseconds()?;
    let cpu = process_cpu_nanoseconds();
    // In a task of a worker, where a server would make the call.
    let sent = Arc::clone(&auction);
    let (productions, called_at_ns) = runtime.block_on(runtime.spawn(async move {
        let called_at_ns = monotonic_nanoseconds();
        (design.run(sent).await, called_at_ns)
    }))?;
    let ended_at_ns = monotonic_nanoseconds();
    let cpu_ms = (process_cpu_nanoseconds() - cpu) as f64 / 1e6;
    let system_ms = system_milliseconds()? - system;
    let threads = status("Threads:")?;
    let peak_rss_kib = status("VmHWM:")?;
    let timers = match (timers_at_rest, ticker) {
        (Some(at_rest), Some(ticker)) => Some(Timers {
            at_rest,
            meanwhile: runtime.block_on(ticker.stop())?,
        }),
        _ => None,
    };
    let productions = match productions {
        Err(_timed_out) if arguments.stalled => 0.0,
        productions => productions?,
    };

    Ok(Measurement {
        design: arguments.design.clone(),
        codec: arguments.codec.name().to_owned(),
        auction_bytes: length(&auction)?,
        solvers: arguments.engines.len(),
        cpu_ms,
        system_ms,
        peak_rss_over_base_kib: peak_rss_kib.saturating_sub(base_rss_kib),
        base_rss_kib,
        threads_at_rest,
        threads,
        wall_ms: (ended_at_ns - called_at_ns) as f64 / 1e6,
        archive_bytes: store.bytes(),
        archives: store.objects(),
        productions,
        called_at_ns,
        timers,
    })
}

/// How long the auction's JSON is, without holding it.
fn length(auction: &Auction) -> Result<u64> {
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, auction)?;
    Ok(counted.0)
}
