//! Measures everything that the project claims, judges it, and draws a page. Its README is the folder's.

mod check;
mod document;
mod engines;
mod floor;
mod machine;
mod measure;
mod page;
mod plots;
mod programs;
mod report;
mod sample;
mod scenario;
mod service;
mod targets;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use self::programs::Programs;

/// Measures everything, and writes `report.json` and `report.html` below `bench` in the target folder.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Fewer scenarios and fewer runs: at most four minutes on two cores.
    #[arg(long)]
    quick: bool,
    /// Measure only the service. Other targets are then not measured.
    #[arg(long)]
    service: bool,
    /// Fail when a target is missed, or anything could not be measured. The missed ones are printed last.
    #[arg(long)]
    check: bool,
    /// Also draw `overview.svg` and `memory.svg` into this folder, and write the figures of its `performance.md`.
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let folder = folder()?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let programs = Programs::build(&manifest, &folder)?;
    let report = measure::measure(&options, &programs, &folder)?;
    let json = serde_json::to_string_pretty(&report)? + "\n";
    let mut files = vec![
        (folder.join("report.json"), json),
        (folder.join("report.html"), page::page(&report)?),
    ];
    if let Some(folder) = &options.figures {
        let document = folder.join("performance.md");
        let text = std::fs::read_to_string(&document)?;
        files.extend([
            (document, document::with_figures(&text, &report)?),
            (
                folder.join("overview.svg"),
                plots::overview(&report, 1030.0).into_string() + "\n",
            ),
            (
                folder.join("memory.svg"),
                plots::memory(&report, 1030.0).into_string() + "\n",
            ),
        ]);
    }
    for (path, text) in files {
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    println!("{:.0} s", report.seconds);
    for failed in &report.failed {
        println!("not measured: {failed}");
    }
    for ratio in report.missed() {
        let found = ratio.value.map(|value| format!(" ({value:.2})"));
        println!(
            "not met: {}{}",
            ratio.target.what,
            found.unwrap_or_default()
        );
        if let Some(reason) = &ratio.target.reason {
            println!("    {reason}");
        }
    }
    let (missed, failed) = (report.missed().count(), report.failed.len());
    ensure!(
        !options.check || missed + failed == 0,
        "{missed} targets are not met, and {failed} parts failed"
    );
    Ok(())
}

/// The folder into which cargo builds this program and the compared ones; the reports go there, too.
fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2);
    Ok(folder
        .context("the program is not where cargo builds it")?
        .to_owned())
}
