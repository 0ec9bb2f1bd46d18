//! Whether engines and archive get the right bytes.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bench_records::Received;
use sha2::{Digest as _, Sha256};

use crate::engines::Engines;
use crate::programs::Programs;
use crate::scenario::{Grid, shape};

/// Runs every design once in each scenario, with engines that hash, and returns how many runs that were.
pub(crate) fn check(grid: &Grid, programs: &Programs, folder: &Path) -> Result<usize> {
    let mut engines = Engines::start(programs, grid.most_solvers(), &grid.conditions, true)?;
    let archive = folder.join("archive");
    let keep = archive.to_str().context("a folder that is not UTF-8")?;
    let mut checked = 0;
    for group in grid.groups() {
        // What every engine must be sent, and every archive must hold: the auction as serde_json writes it.
        let document = serde_json::to_vec(&shape(&group[0].auction)?.auction())?;
        for scenario in group {
            eprintln!("{scenario}: checking");
            let (_, report) = engines.run(programs, &scenario, &["--keep", keep])?;
            check_engines(&document, scenario.solvers, &report.requests)
                .and_then(|()| match &scenario.design.codec {
                    Some(codec) => check_archive(&document, codec, &archive),
                    None => Ok(()),
                })
                .with_context(|| scenario.to_string())?;
            checked += 1;
        }
    }
    Ok(checked)
}

/// Whether every engine was sent it, besides the warm-up.
fn check_engines(document: &[u8], solvers: usize, received: &[Received]) -> Result<()> {
    let expected = Some(Sha256::digest(document).into());
    for engine in 0..solvers {
        let mut requests = received.iter().filter(|request| request.engine == engine);
        ensure!(
            requests.any(|request| request.sha256 == expected),
            "engine {engine} was not sent the auction"
        );
    }
    Ok(())
}

/// Whether the archived object decompresses to it, to its very end.
fn check_archive(document: &[u8], codec: &str, path: &Path) -> Result<()> {
    let object = BufReader::new(File::open(path)?);
    let mut found = Vec::with_capacity(document.len());
    match codec {
        "zstd" => zstd::stream::Decoder::with_buffer(object)?.read_to_end(&mut found)?,
        _ => flate2::bufread::MultiGzDecoder::new(object).read_to_end(&mut found)?,
    };
    fs::remove_file(path)?;
    ensure!(found == document, "the archive holds something else");
    Ok(())
}
