//! Whether engines and archive get the right bytes.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bench_records::Received;
use sha2::{Digest as _, Sha256};

use crate::engines::Engines;
use crate::programs::Programs;
use crate::scenario::{Grid, shape};

/// SHA-256.
type Digest = [u8; 32];

/// Runs every design once in each scenario, with engines that hash, and returns how many runs that were.
pub(crate) fn check(grid: &Grid, programs: &Programs, folder: &Path) -> Result<usize> {
    let mut engines = Engines::start(programs, grid.most_solvers(), &grid.conditions, true)?;
    let archive = folder.join("archive");
    let keep = archive.to_str().context("a folder that is not UTF-8")?;
    let mut checked = 0;
    for group in grid.groups() {
        let mut expected = None;
        for scenario in group {
            eprintln!("{scenario}: checking");
            let expected = match expected {
                Some(expected) => expected,
                None => *expected.insert(digest_of(&scenario.auction)?),
            };
            let (_, report) = engines.run(programs, &scenario, &["--keep", keep])?;
            check_engines(expected, scenario.solvers, &report.requests)
                .and_then(|()| check_archive(expected, &scenario.design.codec, &archive))
                .with_context(|| scenario.to_string())?;
            checked += 1;
        }
    }
    Ok(checked)
}

/// What every engine must be sent: the auction as serde_json writes it.
fn digest_of(auction: &str) -> Result<Digest> {
    let mut seen = BufWriter::new(Seen::default());
    serde_json::to_writer(&mut seen, &shape(auction)?.auction())?;
    let seen = seen.into_inner().map_err(|error| error.into_error())?;
    Ok(seen.0.finalize().into())
}

/// Whether every engine was sent it, besides the warm-up.
fn check_engines(expected: Digest, solvers: usize, received: &[Received]) -> Result<()> {
    for engine in 0..solvers {
        let mut requests = received.iter().filter(|request| request.engine == engine);
        ensure!(
            requests.any(|request| request.sha256 == Some(expected)),
            "engine {engine} was not sent the auction"
        );
    }
    Ok(())
}

/// Whether the archived object, if there is one, decompresses to it, to its very end.
fn check_archive(expected: Digest, codec: &str, path: &Path) -> Result<()> {
    if codec == "none" {
        return Ok(());
    }
    let object = BufReader::new(File::open(path)?);
    let mut document: Box<dyn Read> = match codec {
        "zstd" => Box::new(zstd::stream::Decoder::with_buffer(object)?),
        _ => Box::new(flate2::bufread::MultiGzDecoder::new(object)),
    };
    let mut seen = Seen::default();
    std::io::copy(&mut document, &mut seen)?;
    fs::remove_file(path)?;
    let found: Digest = seen.0.finalize().into();
    ensure!(found == expected, "the archive holds something else");
    Ok(())
}

/// Bytes that have passed: a gigabyte is not to be held for its digest.
#[derive(Debug, Default)]
struct Seen(Sha256);

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
