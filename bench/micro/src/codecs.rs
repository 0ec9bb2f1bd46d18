//! What the codecs of archives take at their default levels. Serialised before, so that only the codec is measured.

use std::convert::Infallible;
use std::hint::black_box;

use anyhow::Result;
use archive_sink::{Codec, CodecKind, EncodedStream};
use auction_fixtures::AuctionShape;
use bench_records::Measure;
use bench_records::rounds::{by_turns, cpu_nanoseconds};
use bytes::Bytes;
use chunked_writer::JsonDocument;
use futures_util::stream;

use crate::Effort;
use crate::next;

const CODECS: [CodecKind; 2] = [CodecKind::Gzip, CodecKind::Zstd];

pub(crate) fn measure(effort: Effort, measures: &mut Vec<Measure>) -> Result<()> {
    eprintln!("codecs");
    let mut stream = JsonDocument::new(AuctionShape::LARGE.auction()).stream();
    let mut chunks = Vec::new();
    while let Some(chunk) = next(&mut stream) {
        chunks.push(chunk?);
    }
    let raw: usize = chunks.iter().map(Bytes::len).sum();
    let turns = CODECS.map(|kind| {
        let chunks = &chunks;
        // Nanoseconds a byte are milliseconds a megabyte.
        move || Ok(cpu_nanoseconds(|| encode(chunks, kind))? / raw as f64)
    });
    for (kind, taken) in CODECS.iter().zip(by_turns(effort.pick(3, 5), turns)?) {
        let name = format!(
            "CPU of {}, an auction of 26 MB, ms for each MB",
            kind.name()
        );
        measures.push(taken.measure(name));
    }
    Ok(())
}

fn encode(chunks: &[Bytes], kind: CodecKind) -> Result<()> {
    let chunks = chunks.iter().cloned().map(Ok::<_, Infallible>);
    let mut encoded = EncodedStream::new(stream::iter(chunks), Codec::default_for(kind))?;
    while let Some(chunk) = next(&mut encoded) {
        black_box(chunk?);
    }
    Ok(())
}
