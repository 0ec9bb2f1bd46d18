//! Measures everything that the project claims, judges it, and draws a page. Its README is the folder's.

mod check;
mod document;
mod engines;
mod floor;
mod measure;
mod page;
mod plots;
mod programs;
mod report;
mod rows;
mod sample;
mod scenario;
mod service;
mod targets;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use self::programs::Programs;
use self::targets::Ratio;

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
    // Into which cargo builds this program and the compared ones; the reports go there, too.
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2);
    let folder = folder.context("the program is not where cargo builds it")?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let programs = Programs::build(&manifest, folder)?;
    let report = measure::measure(&options, &programs, folder)?;
    let json = serde_json::to_string_pretty(&report)? + "\n";
    let mut files = vec![
        (folder.join("report.json"), json),
        (folder.join("report.html"), page::page(&report)?),
    ];
    if let Some(folder) = &options.figures {
        let document = folder.join("performance.md");
        let text = std::fs::read_to_string(&document)?;
        let pictures = [
            ("overview.svg", plots::overview(&report)),
            ("memory.svg", plots::memory(&report)),
        ];
        files.push((document, document::with_figures(&text, &report)?));
        files.extend(pictures.map(|(name, svg)| (folder.join(name), svg.into_string() + "\n")));
    }
    for (path, text) in files {
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    println!("{:.0} s", report.seconds);
    for failed in &report.failed.0 {
        println!("not measured: {failed}");
    }
    for Ratio { target, value, .. } in report.missed() {
        let found = value.map_or_else(String::new, |value| format!(" ({value:.2})"));
        let bound = target.bound.map(|bound| format!(": {bound}"));
        println!(
            "not met: {}{}{found}",
            target.name,
            bound.unwrap_or_default()
        );
        if let Some(reason) = &target.reason {
            println!("    {reason}");
        }
    }
    let (missed, failed) = (report.missed().count(), report.failed.0.len());
    ensure!(
        !options.check || missed + failed == 0,
        "{missed} targets are not met, and {failed} parts failed"
    );
    Ok(())
}
