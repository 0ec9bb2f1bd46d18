//! The typed auction into one archived object: serialised, compressed and sent to a store that keeps nothing, against the
//! design in production, whose build has another backend of gzip and is therefore another program.

use std::iter::repeat_n;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use archive_sink::{Archive, Codec, CodecKind};
use auction_fixtures::{Auction, AuctionShape};
use bench_harness::WORKERS;
use bench_records::rounds::{Series, by_turns, cpu_nanoseconds};
use bench_records::{Footprint, MicroReport};
use bytes::Bytes;
use chunked_writer::{JsonDocument, JsonError};
use flate2::Crc;
use futures_util::stream::{self, Stream, StreamExt as _};
use scripted_store::ScriptedStore;
use tokio::runtime::Runtime;

use crate::Effort;
use crate::next;

pub(crate) fn measure(effort: Effort, report: &mut MicroReport) -> Result<()> {
    eprintln!("archive: processor time");
    // 26 MB, or 310 MB.
    let times = effort.pick(1, 12);
    let archiver = Archiver::new(times)?;
    let (length, trailer) = length_and_trailer(&archiver)?;
    let ours = |kind| {
        let (raw, took) = cpu_nanoseconds(|| archiver.archive(Codec::default_for(kind)))?;
        ensure!(raw == length, "{raw} bytes were archived of {length}");
        Ok(took)
    };
    let theirs = |way| {
        let (took, found) = production(way, times)?;
        ensure!(
            found == trailer,
            "the archive of production's design holds something else"
        );
        Ok(took)
    };
    let contenders: [&mut dyn FnMut() -> Result<f64>; 4] = [
        &mut || ours(CodecKind::Gzip),
        &mut || ours(CodecKind::Zstd),
        &mut || theirs("direct"),
        &mut || theirs("buffered"),
    ];
    let [gzip, zstd, direct, buffered] = by_turns(effort.pick(5, 3), contenders)?;
    for (codec, ours) in [("gzip", gzip), ("zstd", zstd)] {
        for (production, theirs) in [("production", &direct), ("buffered_production", &buffered)] {
            let name = format!("archive_{codec}_over_{production}");
            report.measures.push(ours.over(theirs).measure(name));
        }
    }
    eprintln!("archive: memory");
    let processes = [CodecKind::Gzip, CodecKind::Zstd]
        .map(|kind| move || peak_of_another_process(kind, effort));
    let peak = Series::worst(by_turns(3, processes)?)?;
    report.measures.push(peak.measure("archive_peak_mib"));
    Ok(())
}

/// What another process of this build's programs prints.
fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(std::env::current_exe()?.with_file_name(program))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(output.status.success(), "{program} failed");
    Ok(String::from_utf8(output.stdout)?)
}

/// Nanoseconds of processor time that archiving takes in the other program, which has production's backend of gzip, and
/// the trailer of what was archived.
fn production(way: &str, times: usize) -> Result<(f64, u64)> {
    let line = output("bench-production-archive", &[way, &times.to_string()])?;
    let (took, trailer) = line
        .trim()
        .split_once(' ')
        .context("expected two numbers")?;
    Ok((took.parse()?, trailer.parse()?))
}

/// The length of the raw document, and what a gzip of it says at its end: CRC-32, and the length modulo 2^32.
fn length_and_trailer(archiver: &Archiver) -> Result<(u64, u64)> {
    let mut checksum = Crc::new();
    let mut length = 0;
    let mut document = archiver.document();
    while let Some(chunk) = next(&mut document) {
        let chunk = chunk?;
        checksum.update(&chunk);
        length += chunk.len() as u64;
    }
    let trailer = u64::from(checksum.amount()) << 32 | u64::from(checksum.sum());
    Ok((length, trailer))
}

/// How often the large auction is in the document: of 26 MB, the archive is sent in several parts all the same.
fn times(effort: Effort) -> usize {
    effort.pick(4, 12)
}

/// In KiB, of this process, which has done nothing before.
pub(crate) fn peak_of_this_process(codec: Codec, effort: Effort) -> Result<u64> {
    let archiver = Archiver::new(times(effort))?;
    let at_rest = Footprint::at_rest()?;
    archiver.archive(codec)?;
    Ok(at_rest.peak_kib()?)
}

/// In MiB, of a new process of this program.
fn peak_of_another_process(kind: CodecKind, effort: Effort) -> Result<f64> {
    let mut arguments = vec!["--peak-of", kind.name()];
    arguments.extend(effort.pick(Some("--quick"), None));
    let kibibytes: f64 = output("bench-micro", &arguments)?.trim().parse()?;
    Ok(kibibytes / 1024.0)
}

/// This project's way of archiving: a document's chunks go through the codec into parts, without a digest, which production
/// does not have.
///
/// Archives the large auction several times in one object: a long document from a small base.
#[derive(Debug)]
struct Archiver {
    runtime: Runtime,
    auction: Arc<Auction>,
    times: usize,
}

impl Archiver {
    fn new(times: usize) -> Result<Self> {
        Ok(Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(WORKERS)
                .enable_time()
                .build()?,
            auction: Arc::new(AuctionShape::LARGE.auction()),
            times,
        })
    }

    /// The raw document. Each repetition is a production of its own, so that none profits from another or is compared with it.
    fn document(&self) -> impl Stream<Item = Result<Bytes, JsonError>> + Send + Unpin + use<> {
        let auctions = repeat_n(Arc::clone(&self.auction), self.times);
        stream::iter(auctions).flat_map(|auction| JsonDocument::from_arc(auction).stream())
    }

    /// Archives the document in a task of the runtime, and says how long its raw form was.
    fn archive(&self, codec: Codec) -> Result<u64> {
        let store = ScriptedStore::discarding();
        let archive = Archive::builder(Arc::new(store.clone()))
            .codec(codec)
            .digest(false)
            .build()?;
        let document = self.document();
        let archiving = async move { archive.store("auction.json", document).await };
        let receipt = self.runtime.block_on(self.runtime.spawn(archiving))??;
        ensure!(
            receipt.stored_bytes == store.bytes(),
            "the store has not what the receipt says"
        );
        Ok(receipt.raw_bytes)
    }
}
