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
use bench_records::rounds::{Series, by_turns, cpu_nanoseconds};
use bench_records::{Measure, Spread};
use chunked_writer::JsonDocument;
use serde::Serialize;

use crate::Effort;
use crate::next;

pub(crate) fn measure(effort: Effort, measures: &mut Vec<Measure>) -> Result<()> {
    let sizes = [
        ("3_3_mb", AuctionShape::SMALL, effort.pick(21, 61)),
        ("8_5_mb", AuctionShape::MAINNET, effort.pick(15, 41)),
        ("26_mb", AuctionShape::LARGE, effort.pick(9, 21)),
        ("310_mb", AuctionShape::HUGE, effort.pick(3, 5)),
    ];
    let (mut first_chunks, mut costs) = (Vec::new(), Vec::new());
    for (name, shape, rounds) in sizes {
        let auction = Arc::new(shape.auction());
        let chunks = over_to_vec(name, &auction, rounds, measures)?;
        costs.push(chunks.median());
        measures.push(chunks.measure(format!("serialize_ms_per_mb_{name}")));
        first_chunks.extend(by_turns(101, [|| first_chunk_milliseconds(&auction)])?);
    }
    // What a byte costs of a large auction, over what it costs of today's.
    measures.push(Measure {
        name: "serializer_310_mb_over_8_5_mb".to_owned(),
        rounds: Spread::of([costs[3] / costs[1]]),
    });
    measures.push(Series::worst(first_chunks)?.measure("serializer_first_chunk_ms"));

    let rounds = effort.pick(15, 41);
    let mut small = |name, value| over_to_vec(name, &Arc::new(value), rounds, measures);
    let integers: Vec<u64> = (0..1_000_000).map(|index| index * 1_000_003).collect();
    let floats: Vec<f64> = (0..1_000_000).map(|index| f64::from(index) / 3.0).collect();
    let map: BTreeMap<_, _> = (0..100_000).map(|key| (format!("{key:08}"), key)).collect();
    small("integers", Small::Integers(integers))?;
    small("floats", Small::Floats(floats))?;
    small("short_strings", Small::Strings(vec!["abc"; 1_000_000]))?;
    small("tuples", Small::Tuples(vec![(true, 1, "x"); 500_000]))?;
    small("map", Small::Map(map))?;
    Ok(())
}

/// Many small elements.
#[derive(Serialize)]
#[serde(untagged)]
enum Small {
    Integers(Vec<u64>),
    Floats(Vec<f64>),
    Strings(Vec<&'static str>),
    /// Of 12 bytes and a comma each.
    Tuples(Vec<(bool, u8, &'static str)>),
    Map(BTreeMap<String, u32>),
}

/// Notes what chunks take over `to_vec`, if both write the same, and returns nanoseconds for each byte in chunks.
fn over_to_vec<T: Serialize + Send + Sync + 'static>(
    name: &str,
    value: &Arc<T>,
    rounds: usize,
    measures: &mut Vec<Measure>,
) -> Result<Series> {
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
    let contenders: [&mut dyn FnMut() -> Result<f64>; 2] = [
        &mut || Ok(cpu_nanoseconds(in_chunks)?.1 / length),
        &mut || Ok(cpu_nanoseconds(to_vec)?.1 / length),
    ];
    let [chunks, to_vec] = by_turns(rounds, contenders)?;
    let over = chunks.over(&to_vec);
    measures.push(over.measure(format!("serializer_over_to_vec_{name}")));
    Ok(chunks)
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
