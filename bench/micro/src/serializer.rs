//! Chunks of 64 KiB against one buffer: typed auctions, and values that are all small elements. The benchmarks of
//! `chunked-writer` have more alternatives.
//!
//! What one buffer costs depends on the allocator as much as on the serializer: the system's gives one below 32 MB that was
//! freed out again, without page faults, and grows it in place where nothing is behind it, which is the best case for
//! `to_vec` and the usual one here; larger ones are mapped anew each time.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use auction_fixtures::AuctionShape;
use bench_records::rounds::{by_turns, cpu_nanoseconds};
use bench_records::{Measure, Series};
use chunked_writer::JsonDocument;
use serde::Serialize;

use crate::Effort;
use crate::next;

pub(crate) fn measure(effort: Effort, found: &mut Vec<Measure>) -> Result<()> {
    let sizes = [
        ("3.3 MB", AuctionShape::SMALL, effort.pick(21, 61)),
        ("8.5 MB", AuctionShape::MAINNET, effort.pick(15, 41)),
        ("26 MB", AuctionShape::LARGE, effort.pick(9, 21)),
        ("310 MB", AuctionShape::HUGE, effort.pick(3, 5)),
    ];
    let (mut first_chunks, mut costs) = (Vec::new(), Vec::new());
    for (size, shape, rounds) in sizes {
        let auction = Arc::new(shape.auction());
        let name = format!("an auction of {size}");
        costs.push(over_to_vec(&name, &auction, rounds, found)?);
        first_chunks.extend(by_turns(101, [|| first_chunk_milliseconds(&auction)])?);
    }
    let growth = Series::of([costs[3] / costs[1]]);
    found.push(growth.measure("CPU for each byte serialised of 310 MB over that of 8.5 MB"));
    let first_chunks = first_chunks.into_iter();
    let slowest = first_chunks.max_by(|one, other| one.median.total_cmp(&other.median));
    let slowest = slowest.context("nothing was measured")?;
    found.push(slowest.measure("first chunk of an auction of any size, ms"));

    let rounds = effort.pick(15, 41);
    let integers: Vec<u64> = (0..1_000_000).map(|index| index * 1_000_003).collect();
    let floats: Vec<f64> = (0..1_000_000).map(|index| f64::from(index) / 3.0).collect();
    let strings = vec!["abc"; 1_000_000];
    // Of 12 bytes and a comma each.
    let tuples = Arc::new(vec![(true, 1, "x"); 500_000]);
    let map: BTreeMap<_, _> = (0..100_000).map(|key| (format!("{key:08}"), key)).collect();
    over_to_vec("1,000,000 integers", &Arc::new(integers), rounds, found)?;
    over_to_vec("1,000,000 floats", &Arc::new(floats), rounds, found)?;
    over_to_vec("1,000,000 short strings", &Arc::new(strings), rounds, found)?;
    over_to_vec("500,000 tuples of 13 bytes", &tuples, rounds, found)?;
    over_to_vec("a map of 100,000", &Arc::new(map), rounds, found)?;
    Ok(())
}

/// Notes what chunks and `to_vec` take, if both write the same, and returns nanoseconds for each byte in chunks.
fn over_to_vec<T: Serialize + Send + Sync + 'static>(
    name: &str,
    value: &Arc<T>,
    rounds: usize,
    found: &mut Vec<Measure>,
) -> Result<f64> {
    eprintln!("serializer: {name}");
    let expected = serde_json::to_vec(&**value)?;
    let mut left = Some(&expected[..]);
    chunks(value, |chunk| {
        left = left.and_then(|left| left.strip_prefix(chunk));
    })?;
    ensure!(
        left.is_some_and(<[u8]>::is_empty),
        "chunks are not what serde_json writes"
    );
    let length = expected.len() as f64;
    drop(expected);
    let in_chunks = || {
        chunks(value, |chunk| {
            black_box(chunk);
        })
    };
    let to_vec = || Ok(black_box(serde_json::to_vec(&**value)?));
    // Nanoseconds a byte are milliseconds a megabyte.
    let contenders: [&mut dyn FnMut() -> Result<f64>; 2] = [
        &mut || Ok(cpu_nanoseconds(in_chunks)? / length),
        &mut || Ok(cpu_nanoseconds(to_vec)? / length),
    ];
    let [chunks, to_vec] = by_turns(rounds, contenders)?;
    let (median, over) = (chunks.median, chunks.over(&to_vec));
    found.extend([
        chunks.measure(format!("CPU of 64 KiB chunks, {name}, ms for each MB")),
        to_vec.measure(format!("CPU of serde_json::to_vec, {name}, ms for each MB")),
        over.measure(format!(
            "CPU of 64 KiB chunks over serde_json::to_vec, {name}"
        )),
    ]);
    Ok(median)
}

fn chunks<T>(value: &Arc<T>, mut take: impl FnMut(&[u8])) -> Result<()>
where
    T: Serialize + Send + Sync + 'static,
{
    let mut stream = JsonDocument::from_arc(Arc::clone(value)).stream();
    while let Some(chunk) = next(&mut stream) {
        take(&chunk?);
    }
    Ok(())
}

/// By the clock: the solver waits for it.
fn first_chunk_milliseconds<T>(value: &Arc<T>) -> Result<f64>
where
    T: Serialize + Send + Sync + 'static,
{
    let start = Instant::now();
    let mut stream = JsonDocument::from_arc(Arc::clone(value)).stream();
    let chunk = next(&mut stream).context("an auction without a chunk")??;
    let took = start.elapsed();
    black_box(chunk);
    Ok(took.as_secs_f64() * 1e3)
}
