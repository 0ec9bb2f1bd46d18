//! Whether engines and archive get the right bytes.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use bench_records::Received;
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::engines::Engines;
use crate::execution::Execution;
use crate::programs::Programs;
use crate::scenario::{Design, Grid, Size, shape};

/// Runs every design once in each scenario, with engines that hash, and returns how many runs that were.
pub(crate) fn check(grid: &Grid, seed: u64, programs: &Programs, folder: &Path) -> Result<usize> {
    let mut engines = Engines::start(programs, grid.most_solvers(), &["--check"])?;
    let archive = folder.join("archive");
    let run = Execution {
        seed,
        keep: Some(&archive),
        ..Execution::default()
    };
    let mut checked = 0;
    let mut expected: Option<(Size, Expected)> = None;
    for scenario in grid.groups().flatten() {
        let size = scenario.auction;
        let expected = match expected.take() {
            Some(known) if known.0 == size => expected.insert(known),
            _ => expected.insert((size, Expected::of(size, seed)?)),
        };
        eprintln!("{scenario}: checking");
        let ran = run.run(scenario, programs, &mut engines)?;
        let delivered = expected
            .1
            .check_engines(scenario.solvers, &ran.engines.requests);
        delivered
            .and_then(|()| expected.1.check_archive(scenario.design, &archive))
            .map_err(|error| format!("{scenario}: {error}"))?;
        fs::remove_file(&archive)?;
        checked += 1;
    }
    Ok(checked)
}

/// What everybody must be sent.
#[derive(Debug)]
struct Expected {
    bytes: u64,
    sha256: String,
}

impl Expected {
    /// The auction as serde_json writes it.
    fn of(size: Size, seed: u64) -> Result<Self> {
        let mut seen = BufWriter::new(Seen::default());
        serde_json::to_writer(&mut seen, &shape(size)?.with_seed(seed).auction())?;
        let seen = seen.into_inner().map_err(|error| error.into_error())?;
        Ok(Self {
            bytes: seen.bytes,
            sha256: seen.sha256(),
        })
    }

    /// Whether every engine was sent it, besides the warm-up.
    fn check_engines(&self, solvers: usize, received: &[Received]) -> Result {
        for engine in 0..solvers {
            let is_right = received.iter().any(|request| {
                request.engine == engine
                    && request.bytes == self.bytes
                    && request.sha256.as_deref() == Some(&self.sha256)
            });
            if !is_right {
                return Err(format!("engine {engine} was not sent the auction").into());
            }
        }
        Ok(())
    }

    /// Whether the archived object decompresses to it, to its very end.
    fn check_archive(&self, design: Design, path: &Path) -> Result {
        let object = BufReader::new(File::open(path)?);
        let mut document: Box<dyn Read> = match design.codec() {
            "zstd" => Box::new(zstd::stream::Decoder::with_buffer(object)?),
            _ => Box::new(flate2::bufread::MultiGzDecoder::new(object)),
        };
        let mut seen = Seen::default();
        std::io::copy(&mut document, &mut seen)?;
        if seen.sha256() == self.sha256 {
            Ok(())
        } else {
            Err("the archive holds something else".into())
        }
    }
}

/// Bytes that have passed: a gigabyte is not to be held for its digest.
#[derive(Debug, Default)]
struct Seen {
    bytes: u64,
    hasher: Sha256,
}

impl Seen {
    /// Their digest, in hex.
    fn sha256(self) -> String {
        let digest = self.hasher.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
