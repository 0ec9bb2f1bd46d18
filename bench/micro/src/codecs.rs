//! What each level of each codec takes, and how small it makes an auction.

use std::array::from_fn;
use std::cell::Cell;
use std::convert::Infallible;

use anyhow::Result;
use archive_sink::{Codec, CodecKind, EncodedStream};
use auction_fixtures::AuctionShape;
use bench_records::MicroReport;
use bench_records::rounds::{by_turns, cpu_nanoseconds, curve};
use bytes::Bytes;
use chunked_writer::JsonDocument;
use futures_util::stream;

use crate::Effort;
use crate::next;

/// In the order of the curves and their points.
const LEVELS: [(CodecKind, u8); 9] = [
    (CodecKind::Gzip, 1),
    (CodecKind::Gzip, 3),
    (CodecKind::Gzip, 6),
    (CodecKind::Gzip, 9),
    (CodecKind::Zstd, 1),
    (CodecKind::Zstd, 3),
    (CodecKind::Zstd, 9),
    (CodecKind::Brotli, 1),
    (CodecKind::Brotli, 4),
];

pub(crate) fn measure(effort: Effort, report: &mut MicroReport) -> Result<()> {
    eprintln!("codecs");
    let auction = effort
        .pick(AuctionShape::MAINNET, AuctionShape::LARGE)
        .auction();
    let mut stream = JsonDocument::new(auction).stream();
    // Serialised before, so that only the codec is measured.
    let mut chunks = Vec::new();
    while let Some(chunk) = next(&mut stream) {
        chunks.push(chunk?);
    }
    let raw: usize = chunks.iter().map(Bytes::len).sum();

    let stored = LEVELS.map(|_| Cell::new(0));
    let turns: [_; LEVELS.len()] = from_fn(|index| {
        let ((kind, level), stored, chunks) = (LEVELS[index], &stored[index], &chunks);
        move || {
            let codec = Codec::with_level(kind, level)?;
            let (bytes, took) = cpu_nanoseconds(|| encode(chunks, codec))?;
            stored.set(bytes);
            Ok(took)
        }
    });
    let taken = by_turns(effort.pick(3, 5), turns)?;

    for kind in [CodecKind::Gzip, CodecKind::Zstd, CodecKind::Brotli] {
        let mut curve = curve("codecs", kind.name());
        for ((level, stored), taken) in LEVELS.iter().zip(&stored).zip(&taken) {
            if level.0 == kind {
                let percent = 100.0 * stored.get() as f64 / raw as f64;
                // Nanoseconds a byte are milliseconds a megabyte.
                curve.points.push((percent, taken.median() / raw as f64));
            }
        }
        report.curves.push(curve);
    }
    Ok(())
}

/// How many bytes the chunks become.
fn encode(chunks: &[Bytes], codec: Codec) -> Result<usize> {
    let chunks = chunks.iter().cloned().map(Ok::<_, Infallible>);
    let mut encoded = EncodedStream::new(stream::iter(chunks), codec)?;
    let mut bytes = 0;
    while let Some(chunk) = next(&mut encoded) {
        bytes += chunk?.len();
    }
    Ok(bytes)
}
