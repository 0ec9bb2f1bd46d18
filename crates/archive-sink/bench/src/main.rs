//! Archives one typed auction once and prints what that took, as one row of a table.
//!
//! `run` builds both sides and runs every case in a process of its own.

use std::{error::Error, fs, sync::Arc, time::Instant};

use auction_fixtures::{Auction, AuctionShape};
use scripted_store::ScriptedStore;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// User and system time of all threads so far, in seconds. The kernel counts in hundredths.
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no process name")?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || -> Result<f64> { Ok(fields.next().ok_or("no times")?.parse()?) };
    Ok((ticks()? + ticks()?) / 100.0)
}

/// A field of the process's status, in MiB.
fn memory(field: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.ok_or("no such field")?.parse::<f64>()? / 1024.0)
}

/// What to archive, and how.
struct Case {
    auction: Arc<Auction>,
    /// How often the auction is written: long documents from a small base.
    times: usize,
    codec: String,
    digest: bool,
    store: ScriptedStore,
}

/// The whole gzip in memory, then one PUT.
#[cfg(feature = "production")]
async fn archive(case: Case) -> Result<()> {
    use object_store::ObjectStoreExt;
    use std::io::{BufWriter, Result, Write};

    fn write(case: &Case, mut writer: impl Write) -> Result<()> {
        for _ in 0..case.times {
            serde_json::to_writer(&mut writer, &*case.auction)?;
        }
        writer.flush()
    }

    if case.digest {
        return Err("production has no digest".into());
    }
    let store = case.store.clone();
    let gzip = tokio::task::spawn_blocking(move || -> Result<Vec<u8>> {
        let level = flate2::Compression::new(3);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        if case.codec == "gzip-buffered" {
            write(&case, BufWriter::with_capacity(64 * 1024, &mut encoder))?;
        } else {
            // As in production: serde_json writes piece by piece, straight into the encoder.
            write(&case, &mut encoder)?;
        }
        encoder.finish()
    });
    let location = object_store::path::Path::from("a");
    store.put(&location, gzip.await??.into()).await?;
    Ok(())
}

#[cfg(feature = "ours")]
async fn archive(case: Case) -> Result<()> {
    use futures_util::{StreamExt, stream};
    let archive = archive_sink::Archive::builder(Arc::new(case.store))
        .codec(case.codec.parse()?)
        .digest(case.digest)
        .build()?;
    let mut writer = archive.create("a")?;
    let document = chunked_writer::JsonDocument::from_arc(case.auction);
    let documents = stream::iter(0..case.times).flat_map(|_| document.stream());
    writer.send_all(documents).await?;
    let receipt = writer.commit().await?;
    eprintln!("{receipt:?}");
    Ok(())
}

/// So many orders, with tokens and pools as mainnet has them.
fn shape(orders: usize) -> AuctionShape {
    let AuctionShape {
        orders: of,
        tokens,
        pools,
        ..
    } = AuctionShape::MAINNET;
    AuctionShape::new(orders, orders * tokens / of, orders * pools / of)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: codec digest|- orders times");
    let (codec, digest) = (argument()?, argument()?);
    let (orders, times) = (argument()?.parse()?, argument()?.parse()?);
    let auction = Arc::new(shape(orders).auction());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    // Start the threads, so that the base has them.
    runtime.block_on(async { tokio::task::spawn_blocking(|| ()).await })?;
    let store = ScriptedStore::discarding();
    fs::write("/proc/self/clear_refs", "5")?;
    let (base, cpu, start) = (memory("VmRSS:")?, cpu_seconds()?, Instant::now());
    runtime.block_on(archive(Case {
        auction,
        times,
        codec: codec.clone(),
        digest: digest == "digest",
        store: store.clone(),
    }))?;
    let side = if cfg!(feature = "ours") {
        "ours"
    } else {
        "production"
    };
    println!(
        "| {side} | {codec} | {digest} | {times} x {orders} | {:.1} | {:.2} | {:.2} | {:.1} |",
        store.bytes() as f64 / 1e6,
        cpu_seconds()? - cpu,
        start.elapsed().as_secs_f64(),
        memory("VmHWM:")? - base,
    );
    Ok(())
}
