//! The typed auction into one archived object: serialised, compressed and sent to a store that keeps nothing, against the
//! design in production, whose build has another backend of gzip and is therefore another program.

use std::cell::RefCell;
use std::path::Path;

use archive_sink::{Codec, CodecKind};
use comparison_records::MicroReport;
use flate2::Crc;

use crate::archiver::Archiver;
use crate::effort::Effort;
use crate::poll::next;
use crate::production::Production;
use crate::rounds::{by_turns, cpu_nanoseconds};
use crate::series::Series;
use crate::{Result, peak};

pub(crate) fn measure(program: &Path, effort: Effort, report: &mut MicroReport) -> Result<()> {
    eprintln!("archive: processor time");
    processor_time(program, effort, report)?;
    eprintln!("archive: memory");
    let [gzip, zstd] = by_turns(
        3,
        [
            &mut || peak::of_another_process(CodecKind::Gzip, effort),
            &mut || peak::of_another_process(CodecKind::Zstd, effort),
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
    let production = RefCell::new(Production::start(program)?);
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
        let (took, found) = production.borrow_mut().archive(way, times)?;
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
