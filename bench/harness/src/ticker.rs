use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bench_records::Lateness;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

const PERIOD: Duration = Duration::from_millis(1);

/// A task of the runtime that is due each millisecond and notes by how much it is late.
///
/// Ticks that it missed follow one another at once, each with its own lateness: a worker that is held for 10 ms makes
/// ten ticks late.
#[derive(Debug)]
pub(crate) struct Ticker {
    is_over: Arc<AtomicBool>,
    ticking: JoinHandle<Vec<f64>>,
}

impl Ticker {
    /// Must be called within a runtime.
    pub(crate) fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let ticking = tokio::spawn(async move {
            let mut ticks = interval(PERIOD);
            let mut late_ms = Vec::new();
            while !over.load(Relaxed) {
                let due = ticks.tick().await;
                late_ms.push(Instant::now().duration_since(due).as_secs_f64() * 1e3);
            }
            late_ms
        });
        Self { is_over, ticking }
    }

    /// What it noted. Waits for its last tick.
    pub(crate) async fn stop(self) -> Result<Lateness> {
        self.is_over.store(true, Relaxed);
        Lateness::of(self.ticking.await?).context("no tick")
    }

    /// The same of a runtime in which nothing else runs, over 200 ticks.
    pub(crate) async fn at_rest() -> Result<Lateness> {
        let ticker = Self::start();
        tokio::time::sleep(200 * PERIOD).await;
        ticker.stop().await
    }
}
