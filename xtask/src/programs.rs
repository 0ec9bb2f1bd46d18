//! The programs that are run for their own sake: the soak, the benchmarks and the mutants. Their options are their own.

use crate::tidy::STAGES;
use crate::{Result, cargo, target};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use xshell::{Cmd, Shell, cmd};

/// Runs random auctions, solvers and faults; `--debug` is for cargo, too.
pub(crate) fn soak(shell: &Shell, options: &[OsString]) -> Result {
    let is_debug = options.iter().any(|option| option == "--debug");
    let profile = (!is_debug).then_some("--release");
    let run = cargo(shell, "run --locked --package driver-streaming-soak");
    without_arenas(run.args(profile).arg("--").args(options)).run()?;
    Ok(())
}

/// Runs the soaks of `cargo xtask ci`, of the library and of the service: short, from what the tests have built, and of the
/// same plan each time. Other plans are for those who have the time to look into what they find.
pub(crate) fn short_soak(shell: &Shell) -> Result {
    // The selection of the tests, so that features unify to the same and no dependency is built again.
    cargo(
        shell,
        "build --locked --workspace --bins --tests --all-features",
    )
    .run()?;
    let soak = target(shell).join("debug/driver-streaming-soak");
    for what in [&[][..], &["--serve"]] {
        let run = cmd!(shell, "{soak} --debug --minutes 0.5 --seed 7").args(what);
        without_arenas(run).run()?;
    }
    Ok(())
}

/// Without these, glibc keeps for each thread what others could use, and memory grows for an hour without a leak.
fn without_arenas(command: Cmd<'_>) -> Cmd<'_> {
    command
        .env("MALLOC_ARENA_MAX", "2")
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .env("MALLOC_TRIM_THRESHOLD_", "131072")
}

/// Measures everything that the project claims of itself, as it is built by itself: features unify.
pub(crate) fn bench(shell: &Shell, options: &[OsString]) -> Result {
    cargo(shell, "run --release --locked --package bench-runner")
        .args(["--manifest-path", "bench/runner/Cargo.toml", "--target-dir"])
        .arg(target(shell).join("bench"))
        .arg("--")
        .args(options)
        .run()?;
    Ok(())
}

/// Changes the code of these crates, one place at a time, and runs the tests of the changed crate to see whether they notice.
/// Settings are in `.cargo/mutants.toml`.
pub(crate) fn mutants(shell: &Shell, crates: &[String], options: &[OsString]) -> Result {
    let mutants = tool(shell, "cargo-mutants", "27.1.0")?;
    let mut packages: Vec<&str> = crates.iter().map(String::as_str).collect();
    if packages.is_empty() {
        packages.extend(STAGES.iter().chain(&["driver-streaming"]));
    }
    let packages = packages.iter().map(|name| format!("--package={name}"));
    let output = target(shell).join("mutants");
    shell.create_dir(&output)?;
    let run = cmd!(shell, "{mutants} mutants --output {output}");
    run.args(packages).args(options).run()?;
    Ok(())
}

/// A tool of cargo in this version: from `PATH`, else from the target folder, out of the way of the user's own tools,
/// where it is installed if need be.
pub(crate) fn tool(shell: &Shell, name: &str, version: &str) -> Result<PathBuf> {
    let tools = target(shell).join("tools");
    let installed = tools.join("bin").join(name);
    let command = name.trim_start_matches("cargo-");
    for candidate in [Path::new(name), &installed] {
        let found = cmd!(shell, "{candidate} {command} --version")
            .quiet()
            .ignore_stderr()
            .read();
        if found.is_ok_and(|found| found == format!("{name} {version}")) {
            return Ok(candidate.to_owned());
        }
    }
    // A debug build: it takes a third of the time, and is fast enough all the same.
    let install = format!("install {name} --locked --version {version} --debug --root");
    let install = cargo(shell, &install).arg(&tools);
    install.env("CARGO_PROFILE_DEV_DEBUG", "0").run()?;
    Ok(installed)
}
