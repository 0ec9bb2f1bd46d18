//! The typed auction into one archived object: serialised, compressed and sent to a store that keeps nothing, against the
//! design in production, whose build has another backend of gzip and is therefore another program.

use std::iter::repeat_n;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use archive_sink::{Archive, Codec, CodecKind};
use auction_fixtures::{Auction, AuctionShape};
use bench_harness::{WORKERS, forget_peak, status};
use bench_records::MicroReport;
use bytes::Bytes;
use chunked_writer::{JsonDocument, JsonError};
use flate2::Crc;
use futures_util::stream::{self, Stream, StreamExt as _};
use scripted_store::ScriptedStore;
use tokio::runtime::Runtime;

use crate::rounds::{Series, by_turns, cpu_nanoseconds, next};
use crate::{Effort, Result};

pub(crate) fn measure(program: &Path, effort: Effort, report: &mut MicroReport) -> Result<()> {
    eprintln!("archive: processor time");
    processor_time(program, effort, report)?;
    eprintln!("archive: memory");
    let [gzip, zstd] = by_turns(
        3,
        [
            &mut || peak_of_another_process(CodecKind::Gzip, effort),
            &mut || peak_of_another_process(CodecKind::Zstd, effort),
        ],
    )?;
    let peak = Series::worst([gzip, zstd])?;
    report
        .measures
        .push(peak.measure("archive_peak_mib", "MiB"));
    Ok(())
}

fn processor_time(program: &Path, effort: Effort, report: &mut MicroReport) -> Result<()> {
    // 26 MB, or 310 MB.
    let times = effort.pick(1, 12);
    let archiver = Archiver::new(times)?;
    let (length, trailer) = length_and_trailer(&archiver)?;
    let ours = |kind| {
        let (raw, took) = cpu_nanoseconds(|| archiver.archive(Codec::default_for(kind)))?;
        if raw == length {
            Ok(took)
        } else {
            Err(format!("{raw} bytes were archived of {length}").into())
        }
    };
    let theirs = |way| {
        let (took, found) = production(program, way, times)?;
        if found == trailer {
            Ok(took)
        } else {
            Err("the archive of production's design holds something else".into())
        }
    };
    let [gzip, zstd, direct, buffered] = by_turns(
        effort.pick(5, 3),
        [
            &mut || ours(CodecKind::Gzip),
            &mut || ours(CodecKind::Zstd),
            &mut || theirs("direct"),
            &mut || theirs("buffered"),
        ],
    )?;
    report.measures.extend([
        gzip.over(&direct)
            .measure("archive_gzip_over_production", ""),
        zstd.over(&direct)
            .measure("archive_zstd_over_production", ""),
        gzip.over(&buffered)
            .measure("archive_gzip_over_buffered_production", ""),
        zstd.over(&buffered)
            .measure("archive_zstd_over_buffered_production", ""),
    ]);
    Ok(())
}

/// Nanoseconds of processor time that archiving takes in the other program, which has production's backend of gzip, and
/// the checksum and length of what was archived.
fn production(program: &Path, way: &str, times: usize) -> Result<(f64, [u32; 2])> {
    let output = Command::new(program)
        .args([way, &times.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let line = String::from_utf8(output.stdout)?;
    let numbers: Vec<&str> = line.split_whitespace().collect();
    let [took, checksum, length] = numbers[..] else {
        return Err("the program of production's archive failed".into());
    };
    Ok((took.parse()?, [checksum.parse()?, length.parse()?]))
}

/// The length of the raw document, and what a gzip of it says at its end: CRC-32, and the length modulo 2^32.
fn length_and_trailer(archiver: &Archiver) -> Result<(u64, [u32; 2])> {
    let mut checksum = Crc::new();
    let mut length = 0;
    let mut document = archiver.document();
    while let Some(chunk) = next(&mut document) {
        let chunk = chunk?;
        checksum.update(&chunk);
        length += chunk.len() as u64;
    }
    Ok((length, [checksum.sum(), checksum.amount()]))
}

/// How often the large auction is in the document: of 26 MB, the archive is sent in several parts all the same.
fn times(effort: Effort) -> usize {
    effort.pick(4, 12)
}

/// In KiB, of this process, which has done nothing before.
pub(crate) fn peak_of_this_process(codec: Codec, effort: Effort) -> Result<u64> {
    let archiver = Archiver::new(times(effort))?;
    forget_peak()?;
    let base = status("VmRSS:")?;
    archiver.archive(codec)?;
    Ok(status("VmHWM:")?.saturating_sub(base))
}

/// In MiB, of a new process of this program.
fn peak_of_another_process(kind: CodecKind, effort: Effort) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--peak-of", kind.name()])
        .args(effort.pick(Some("--quick"), None))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the process whose peak was wanted failed".into());
    }
    let kibibytes: f64 = std::str::from_utf8(&output.stdout)?.trim().parse()?;
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
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .build()?;
        let auction = Arc::new(AuctionShape::LARGE.auction());
        Ok(Self {
            runtime,
            auction,
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
        let archiving = async move {
            let mut writer = archive.create("auction.json")?;
            writer.send_all(document).await?;
            Result::<_>::Ok(writer.commit().await?)
        };
        let receipt = self.runtime.block_on(self.runtime.spawn(archiving))??;
        if receipt.stored_bytes == store.bytes() {
            Ok(receipt.raw_bytes)
        } else {
            Err("the store has not what the receipt says".into())
        }
    }
}
