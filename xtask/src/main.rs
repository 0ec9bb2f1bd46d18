//! The checks of this workspace, as one command: `cargo xtask ci`.
//!
//! The hosted workflow and `.ci/run` do this and nothing else, so what passes here passes there.

#![expect(
    clippy::print_stderr,
    reason = "a program for a terminal: what it does is what it says"
)]

mod ci;
mod deny;
mod packages;
mod programs;
mod readmes;
mod tidy;

use clap::{Args, Parser, Subcommand};
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use xshell::{Cmd, Shell, cmd};

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
    /// Run random auctions, solvers and faults against the whole pipeline: see its `--help`.
    #[command(disable_help_flag = true)]
    Soak(Options),
    /// Measure everything that the project claims of itself, beside the alternatives: see its `--help`.
    #[command(disable_help_flag = true)]
    Bench(Options),
    /// Change the code of the stages and the pipeline, one place at a time, and list the changes that no test notices.
    Mutants {
        /// Only these crates.
        crates: Vec<String>,
        /// Options of `cargo mutants`, after `--`, such as `--shard 0/8`.
        #[arg(last = true)]
        options: Vec<OsString>,
    },
}

/// Options of a program, which it reads itself.
#[derive(Debug, Args)]
struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command in the root of the workspace, wherever in it the command was given.
fn run(command: Command) -> Result {
    // Set by `cargo run`, so that a built copy that was moved still works on the right checkout.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let shell = Shell::new()?;
    shell.change_dir(manifest.parent().unwrap_or(&manifest));
    match command {
        Command::Ci { only } => ci::run(&shell, &only),
        Command::Tidy => tidy::run(&shell),
        Command::Soak(soak) => programs::soak(&shell, &soak.options),
        Command::Bench(bench) => programs::bench(&shell, &bench.options),
        Command::Mutants { crates, options } => programs::mutants(&shell, &crates, &options),
    }
}

/// Prints what is wrong. An error unless that is nothing.
fn report(complaints: &[impl Display]) -> Result {
    for complaint in complaints {
        eprintln!("    {complaint}");
    }
    match complaints.len() {
        0 => Ok(()),
        count => Err(format!("{count} complaints; see above").into()),
    }
}

/// A command of cargo, of words that are separated by spaces.
fn cargo<'a>(shell: &'a Shell, words: &str) -> Cmd<'a> {
    cmd!(shell, "cargo").args(words.split(' '))
}

/// The folder where cargo puts what it builds.
fn target(shell: &Shell) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    shell.current_dir().join(folder)
}

/// The names of the crates meant for others, in order.
fn published(shell: &Shell) -> Result<Vec<String>> {
    let mut names: Vec<String> = shell
        .read_dir("crates")?
        .iter()
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
