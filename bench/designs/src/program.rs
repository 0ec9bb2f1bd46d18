//! What every design is run with, so that they differ in nothing else: the command line, the runtime, the store and the
//! measuring.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use archive_sink::CodecKind;
use auction_fixtures::{Auction, AuctionShape};
use bench_records::{Footprint, Measurement, monotonic_nanoseconds, process_cpu_nanoseconds};
use clap::Parser;
use futures_util::future::try_join_all;
use scripted_store::{Effect, Operation, Rule, ScriptedStore};

use crate::watch::Watch;

/// Threads of the runtime, the same wherever it runs.
const WORKERS: usize = 2;

/// Sends one auction to every engine and archives it, and prints what that took as one line of JSON.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Arguments {
    /// Addresses of engines, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) engines: Vec<SocketAddr>,
    /// What the engines speak: `http`, or over TLS `tls` and `http2`, on which the two sides agree then.
    #[arg(long, default_value = "http")]
    protocol: String,
    /// How long each request to the store takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    store_ms: u64,
    /// Which of the designs.
    #[arg(long)]
    pub(crate) design: String,
    /// How the archive is compressed, `gzip` or `zstd`. Without it, there is no archive.
    #[arg(long)]
    pub(crate) codec: Option<CodecKind>,
    /// How large the auction is: small, mainnet, large, huge or giant.
    #[arg(long, value_parser = shape)]
    auction: AuctionShape,
    /// When engines are given up that do not take everything, in milliseconds after the call. The call cannot end well then:
    /// what it took counts all the same.
    #[arg(long)]
    give_up_ms: Option<u64>,
    /// This many callers make the call, and make it again until the period is over.
    #[arg(long, default_value_t = 1)]
    callers: usize,
    #[arg(long, default_value_t = 0)]
    period_ms: u64,
    /// Watch timers and memory meanwhile. What else is measured then counts for less.
    #[arg(long)]
    watch: bool,
    /// Write the archived object to this file, for checking it. What is measured then counts for nothing.
    #[arg(long)]
    keep: Option<PathBuf>,
}

fn shape(name: &str) -> Result<AuctionShape, String> {
    AuctionShape::named(name)
        .ok_or_else(|| format!("expected one of {}", AuctionShape::NAMES.join(", ")))
}

/// What is sent before the measured call, so that connections are there.
pub(crate) const WARM_UP: &str = "warm-up";
/// Name of the archived object.
pub(crate) const ARCHIVE_KEY: &str = "8339027.json";

/// A way of sending an auction to every engine and archiving it.
pub(crate) trait Design: Send + Sync + 'static {
    /// Sends [`WARM_UP`] to every engine and archives nothing: afterwards each connection is there and idle.
    fn warm_up(&self) -> impl Future<Output = Result<()>> + Send;

    /// Sends the auction to every engine and archives it. Ends when all have answered and the archive is there, and
    /// returns how often the auction was serialised.
    fn run(&self, auction: Arc<Auction>) -> impl Future<Output = Result<f64>> + Send;
}

impl Arguments {
    /// Of every request, after the call. Without engines that are given up, no run comes near it.
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.give_up_ms.unwrap_or(120_000))
    }

    /// The URL of an engine.
    pub(crate) fn url(&self, engine: SocketAddr) -> String {
        let is_plain = self.protocol == "http";
        format!("http{}://{engine}", if is_plain { "" } else { "s" })
    }

    /// Where the archive goes. The network to a real store would cost every design the same for each byte, and hide what
    /// differs: this one keeps nothing but the count, unless the archive is to be checked.
    pub(crate) fn store(&self) -> ScriptedStore {
        let store = match &self.keep {
            Some(_) => ScriptedStore::in_memory(),
            None => ScriptedStore::discarding(),
        };
        if self.store_ms == 0 {
            return store;
        }
        let delay = Effect::Delay(Duration::from_millis(self.store_ms));
        store.with(Operation::ALL.map(|operation| Rule::always(operation, delay)))
    }

    /// Makes the call by a design, whose archives go to the store, and prints what it took.
    pub(crate) fn run<D: Design>(
        &self,
        new: impl FnOnce(&Self, ScriptedStore) -> Result<D>,
    ) -> Result<()> {
        // The interval is the one of the program `driver-streaming`.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .event_interval(8)
            .enable_all()
            .build()?;
        let store = self.store();
        let _context = runtime.enter();
        let design = Arc::new(new(self, store.clone())?);
        let warming = Arc::clone(&design);
        runtime.block_on(runtime.spawn(async move { warming.warm_up().await }))??;
        let auction = Arc::new(self.auction.auction());

        let watch = self.watch.then(|| runtime.block_on(Watch::start()));
        let watch = watch.transpose()?;
        let at_rest = Footprint::at_rest()?;
        let cpu = process_cpu_nanoseconds();
        // In a task of a worker, where a server would make the call.
        let period = Duration::from_millis(self.period_ms);
        let calls = (0..self.callers)
            .map(|_| runtime.spawn(calls(Arc::clone(&design), Arc::clone(&auction), period)));
        let ended = runtime.block_on(try_join_all(calls.collect::<Vec<_>>()))?;
        let ended_at_ns = monotonic_nanoseconds();
        let cpu_ms = (process_cpu_nanoseconds() - cpu) as f64 / 1e6;
        let (peak_mib, extra_threads) = at_rest.growth()?;
        let called_at_ns = ended.iter().map(|(called_at_ns, _)| *called_at_ns);
        let called_at_ns = called_at_ns.min().context("no caller")?;
        let stop = |watch: Watch| runtime.block_on(watch.stop(called_at_ns, at_rest.resident_kib));
        let watched = watch.map(stop).transpose()?;
        let productions: Result<f64> = ended.into_iter().map(|(_, found)| found).sum();
        let productions = match productions {
            Err(_timed_out) if self.give_up_ms.is_some() => 0.0,
            productions => productions?,
        };

        if let Some(path) = self.keep.as_ref().filter(|_| self.codec.is_some()) {
            let names = runtime.block_on(store.names());
            let name = names.first().context("nothing was archived")?;
            let object = runtime.block_on(store.object(name));
            fs::write(path, object.context("the archive is gone")?)?;
        }
        let measurement = Measurement {
            auction_bytes: serde_json::to_vec(&*auction)?.len() as u64,
            cpu_ms,
            peak_mib,
            extra_threads,
            wall_ms: (ended_at_ns - called_at_ns) as f64 / 1e6,
            productions,
            called_at_ns,
            watched,
        };
        println!("{}", serde_json::to_string(&measurement)?);
        Ok(())
    }
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
