//! The checks of this workspace, as one command: `cargo xtask ci`.
//!
//! What the hosted workflow and `.ci/run` do is this and nothing else, so what passes here passes there.

#![expect(
    clippy::print_stderr,
    reason = "a program for a terminal: what it does is what it says"
)]

mod bench;
mod cargo;
mod ci;
mod deny;
mod soak;
mod tidy;

use clap::{Parser, Subcommand};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Any failure, told to the person at the terminal.
type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// The checks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every check, stopping at the first that fails.
    Ci {
        /// Run only this check. May be given several times.
        #[arg(long, value_name = "STEP")]
        only: Vec<ci::Step>,
    },
    /// Check the house rules: what must be in every crate, and what in no file.
    Tidy,
    /// Run random auctions, solvers and faults against the whole pipeline.
    Soak(soak::Soak),
    /// Measure everything that the project claims of itself, beside the alternatives, and draw a page.
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let root = root();
    let outcome = match Arguments::parse().command {
        Command::Ci { only } => ci::run(&root, &only).map(|()| true),
        Command::Tidy => tidy::run(&root).map(|()| true),
        Command::Soak(soak) => soak.run(&root).map(|()| true),
        Command::Bench(bench) => bench.run(&root),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        // It has said why.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace, wherever in it the command was given.
fn root() -> PathBuf {
    // Set by `cargo run`, so that a built copy that was moved still works on the right checkout.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    manifest.parent().map_or(manifest.clone(), Path::to_owned)
}
