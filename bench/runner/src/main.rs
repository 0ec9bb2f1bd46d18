//! Compares the designs and prints what each took, as Markdown; or, as `bench`, measures everything and draws a page.

mod arguments;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use comparison_runner::{
    BenchOptions, Options, Programs, Result, bench, markdown, memory_figure, page, run,
};

use self::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Some(Command::Bench(options)) => prove(options),
        None => compare(&arguments.options).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn compare(options: &Options) -> Result {
    let folder = folder("comparison")?;
    let programs = Programs::build(&manifest(), &folder)?;
    let report = run(options, &programs, &folder)?;
    let path = folder.join("report.json");
    std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")?;
    print!("{}", markdown(&report));
    Ok(())
}

fn prove(options: &BenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(&manifest(), &folder("comparison")?)?;
    let folder = folder("bench")?;
    let report = bench(options, &programs, &folder)?;
    for (name, text) in [
        ("report.json", serde_json::to_string_pretty(&report)? + "\n"),
        ("report.html", page(&report)?.to_html()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    if let Some(folder) = &options.figures {
        let path = folder.join("memory.svg");
        std::fs::write(&path, memory_figure(&report)?)?;
        println!("{}", path.display());
    }
    println!("{:.0} s", report.seconds);
    let missed: Vec<_> = report.missed().collect();
    for ratio in &missed {
        let found = ratio
            .value
            .map_or_else(String::new, |value| format!(" ({value:.2})"));
        println!("not met: {}{found}", ratio.what);
        if let Some(reason) = &ratio.reason {
            println!("    {reason}");
        }
    }
    if options.check && !missed.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")
}

/// A folder of this name in the folder where cargo puts what it builds.
fn folder(name: &str) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = match target {
        Some(target) => target,
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .ok_or("the package is not where it was")?
            .join("target"),
    };
    let folder = target.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
