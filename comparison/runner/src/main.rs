//! Compares the designs and prints what each took, as Markdown.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use comparison_runner::{Options, Programs, Result, markdown, run};

fn main() -> ExitCode {
    match compare(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let folder = folder()?;
    let programs = Programs::build(&manifest, &folder)?;
    let report = run(options, &programs, &folder)?;
    let path = folder.join("report.json");
    std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")?;
    print!("{}", markdown(&report));
    Ok(())
}

/// `comparison` in the folder where cargo puts what it builds.
fn folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = match target {
        Some(target) => target,
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .ok_or("the package is not where it was")?
            .join("target"),
    };
    let folder = target.join("comparison");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
