//! The programs that are run for their own sake: the soak and the benchmarks. Their options are their own.

use crate::{Result, cargo, target};
use std::ffi::OsString;
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
