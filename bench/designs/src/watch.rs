//! What goes on in the process during the call: by how much timers of the runtime are late, and how large the process is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bench_records::{Watched, monotonic_nanoseconds, process_status};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

/// When timers are due.
const PERIOD: Duration = Duration::from_millis(1);
/// When memory is looked at. Finer, and looking would take from the process what is measured of it.
const LOOK: Duration = Duration::from_millis(2);

/// A task of the runtime that is due each millisecond and notes by how much it is late, in milliseconds, and a thread that
/// looks at the resident size.
///
/// Ticks that the task missed follow one another at once, each with its own lateness: a worker that is held for 10 ms makes
/// ten ticks late.
#[derive(Debug)]
pub(crate) struct Watch {
    at_rest_worst_ms: f64,
    is_over: Arc<AtomicBool>,
    ticking: JoinHandle<Vec<f64>>,
    looking: thread::JoinHandle<Vec<(u64, u64)>>,
}

impl Watch {
    /// First watches a runtime in which nothing else runs, over 200 ticks.
    pub(crate) async fn start() -> Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let at_rest = tick(Arc::clone(&is_over));
        tokio::time::sleep(200 * PERIOD).await;
        is_over.store(true, Relaxed);
        let at_rest_worst_ms = at_rest.await?.into_iter().fold(0.0, f64::max);
        let is_over = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&is_over);
        let looking = thread::spawn(move || {
            let mut sizes = Vec::with_capacity(4096);
            while !is_done.load(Relaxed) {
                thread::park_timeout(LOOK);
                let kib = process_status("self", "VmRSS:");
                sizes.extend(kib.map(|kib| (monotonic_nanoseconds(), kib)));
            }
            sizes
        });
        Ok(Self {
            at_rest_worst_ms,
            ticking: tick(Arc::clone(&is_over)),
            is_over,
            looking,
        })
    }

    /// What happened since the call. Waits for the last tick.
    pub(crate) async fn stop(self, called_at_ns: u64, resident_kib: u64) -> Result<Watched> {
        self.is_over.store(true, Relaxed);
        let mut late_ms = self.ticking.await?;
        late_ms.sort_by(f64::total_cmp);
        let last = late_ms.len().checked_sub(1).context("no tick")?;
        let sizes = self.looking.join().ok().context("nothing was seen")?;
        let sizes = sizes
            .into_iter()
            .filter(|(at_ns, _)| *at_ns >= called_at_ns);
        let memory = sizes.map(|(at_ns, kib)| {
            let mib = (kib as f64 - resident_kib as f64) / 1024.0;
            ((at_ns - called_at_ns) as f64 / 1e6, mib)
        });
        Ok(Watched {
            at_rest_worst_ms: self.at_rest_worst_ms,
            p99_ms: late_ms[last * 99 / 100],
            worst_ms: late_ms[last],
            memory: memory.collect(),
        })
    }
}

fn tick(is_over: Arc<AtomicBool>) -> JoinHandle<Vec<f64>> {
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        let mut late_ms = Vec::with_capacity(4096);
        while !is_over.load(Relaxed) {
            let due = ticks.tick().await;
            late_ms.push(Instant::now().duration_since(due).as_secs_f64() * 1e3);
        }
        late_ms
    })
}
