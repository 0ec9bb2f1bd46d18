use std::fs;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bench_records::{Measurement, Timers, monotonic_nanoseconds, process_cpu_nanoseconds};
use clap::Parser as _;
use scripted_store::ScriptedStore;

use crate::arguments::Arguments;
use crate::ticker::Ticker;
use crate::{Design, Result, Setup, exit_code};

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
    let store = match &arguments.keep {
        Some(_) => ScriptedStore::in_memory(),
        None => ScriptedStore::discarding(),
    };
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
    let cpu = process_cpu_nanoseconds();
    // In a task of a worker, where a server would make the call.
    let sent = Arc::clone(&auction);
    let (productions, called_at_ns) = runtime.block_on(runtime.spawn(async move {
        let called_at_ns = monotonic_nanoseconds();
        (design.run(sent).await, called_at_ns)
    }))?;
    let ended_at_ns = monotonic_nanoseconds();
    let cpu_ms = (process_cpu_nanoseconds() - cpu) as f64 / 1e6;
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

    if let Some(path) = &arguments.keep {
        let names = runtime.block_on(store.names());
        let name = names.first().ok_or("nothing was archived")?;
        let object = runtime.block_on(store.object(name));
        fs::write(path, object.ok_or("the archive is gone")?)?;
    }
    Ok(Measurement {
        auction_bytes: serde_json::to_vec(&*auction)?.len() as u64,
        solvers: arguments.engines.len(),
        cpu_ms,
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

/// A number of the status of this process, such as `VmRSS:`; kibibytes for sizes.
///
/// # Errors
/// When there is no such field.
pub fn status(field: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number
        .ok_or_else(|| format!("no {field} in the status"))?
        .parse()?)
}

/// Makes the peak of the resident size start over, from what is resident now.
///
/// # Errors
/// When the kernel refuses.
pub fn forget_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}
