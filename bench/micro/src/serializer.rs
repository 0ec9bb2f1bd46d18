//! Typed auctions as JSON: chunks of 64 KiB against one buffer. The benchmarks of `chunked-writer` have more alternatives.
//!
//! Speeds are for a second of processor time. What one buffer costs depends on the allocator as much as on the serializer:
//! the system's gives one below 32 MB that was freed out again, without page faults, and grows it in place where nothing is
//! behind it, which is the best case for `to_vec` and the usual one here; larger ones are mapped anew each time.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use auction_fixtures::{Auction, AuctionShape};
use bench_records::MicroReport;
use bench_records::rounds::{Series, by_turns, cpu_nanoseconds, curve};
use chunked_writer::JsonDocument;

use crate::Effort;
use crate::next;

/// A way of serialising, which hands over what it made piece by piece.
type Way = fn(&Arc<Auction>, &mut dyn FnMut(&[u8])) -> Result<()>;

const WAYS: [(&str, Way); 2] = [
    ("chunked-writer (64 KiB)", chunks),
    ("serde_json::to_vec", to_vec),
];

pub(crate) fn measure(effort: Effort, report: &mut MicroReport) -> Result<()> {
    let sizes = [
        ("3_3_mb", AuctionShape::SMALL, effort.pick(21, 61)),
        ("8_5_mb", AuctionShape::MAINNET, effort.pick(15, 41)),
        ("26_mb", AuctionShape::LARGE, effort.pick(9, 21)),
        ("310_mb", AuctionShape::HUGE, effort.pick(3, 5)),
    ];
    let mut curves = WAYS.map(|(name, _)| curve("serializer", name));
    let mut first_chunks = Vec::new();
    for (name, shape, rounds) in &sizes {
        eprintln!("serializer: {name}");
        let auction = Arc::new(shape.auction());
        let length = check(&auction)?;
        let megabytes = length as f64 / 1e6;
        let turns = WAYS.map(|(_, way)| {
            let auction = &auction;
            move || cost(way, auction, length)
        });
        let taken = by_turns(*rounds, turns)?;
        let over = taken[0].over(&taken[1]);
        let measure = over.measure(format!("serializer_over_to_vec_{name}"));
        report.measures.push(measure);
        for (curve, taken) in curves.iter_mut().zip(&taken) {
            let speed = megabytes * 1e9 / taken.median();
            curve.points.push((megabytes, speed));
        }
        first_chunks.extend(by_turns(101, [|| first_chunk_milliseconds(&auction)])?);
    }
    let first_chunk = Series::worst(first_chunks)?.measure("serializer_first_chunk_ms");
    report.measures.push(first_chunk);
    report.curves.extend(curves);
    Ok(())
}

/// The length of the auction's JSON, if all ways write the same.
fn check(auction: &Arc<Auction>) -> Result<usize> {
    let expected = serde_json::to_vec(&**auction)?;
    for (name, way) in WAYS {
        let mut left = Some(&expected[..]);
        way(auction, &mut |piece| {
            left = left.and_then(|left| left.strip_prefix(piece));
        })?;
        ensure!(
            left.is_some_and(<[u8]>::is_empty),
            "{name} does not write what serde_json does"
        );
    }
    Ok(expected.len())
}

fn cost(way: Way, auction: &Arc<Auction>, length: usize) -> Result<f64> {
    let mut written = 0;
    let ((), took) =
        cpu_nanoseconds(|| way(auction, &mut |piece| written += black_box(piece).len()))?;
    ensure!(
        written == length,
        "{written} bytes were written of {length}"
    );
    Ok(took)
}

fn chunks(auction: &Arc<Auction>, take: &mut dyn FnMut(&[u8])) -> Result<()> {
    let mut stream = JsonDocument::from_arc(Arc::clone(auction)).stream();
    while let Some(chunk) = next(&mut stream) {
        take(&chunk?);
    }
    Ok(())
}

fn to_vec(auction: &Arc<Auction>, take: &mut dyn FnMut(&[u8])) -> Result<()> {
    take(&serde_json::to_vec(&**auction)?);
    Ok(())
}

/// By the clock: somebody waits for it.
fn first_chunk_milliseconds(auction: &Arc<Auction>) -> Result<f64> {
    let start = Instant::now();
    let mut stream = JsonDocument::from_arc(Arc::clone(auction)).stream();
    let chunk = next(&mut stream).context("an auction without a chunk")??;
    let took = start.elapsed();
    black_box(chunk);
    Ok(took.as_secs_f64() * 1e3)
}
