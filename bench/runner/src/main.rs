//! Measures everything that the project claims, judges it, and draws a page. Its README is the folder's.

mod check;
mod engines;
mod execution;
mod floor;
mod machine;
mod measure;
mod page;
mod plots;
mod programs;
mod report;
mod sample;
mod scenario;
mod targets;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use self::programs::Programs;

/// Any failure, reported to the person at the terminal.
type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Measures everything, and writes `report.json` and `report.html` below `bench` in the target folder.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Fewer scenarios and fewer runs: at most five minutes on two cores.
    #[arg(long)]
    quick: bool,
    /// Fail when a target is missed or was not measured. The missed ones are printed last.
    #[arg(long)]
    check: bool,
    /// Also draw memory over time as `memory.svg` into this folder.
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
    /// What auctions are generated from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    bench(&Options::parse()).unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn bench(options: &Options) -> Result<ExitCode> {
    let folder = folder()?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let programs = Programs::build(&manifest, &folder)?;
    let report = measure::measure(options, &programs, &folder)?;
    let mut files = vec![
        (
            folder.join("report.json"),
            serde_json::to_string_pretty(&report)? + "\n",
        ),
        (folder.join("report.html"), page::page(&report)?),
    ];
    if let Some(folder) = &options.figures {
        files.push((
            folder.join("memory.svg"),
            plots::memory_file(&report.memory)?,
        ));
    }
    for (path, text) in files {
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    println!("{:.0} s", report.seconds);
    for ratio in report.missed() {
        let found = ratio.value.map(|value| format!(" ({value:.2})"));
        println!("not met: {}{}", ratio.what, found.unwrap_or_default());
        if let Some(reason) = &ratio.reason {
            println!("    {reason}");
        }
    }
    let is_missed = options.check && report.missed().count() > 0;
    Ok(if is_missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The folder `bench` in the folder where cargo puts what it builds: for programs and reports.
fn folder() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = match target {
        Some(target) => target,
        None => root
            .ok_or("the package is not where it was")?
            .join("target"),
    };
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
