//! Loops of one process, each measured by turns with its alternatives: the serializer, the tee, the measured body, the
//! archive and its codecs. Prints a [`MicroReport`] as one line of JSON; says on standard error how far it is.
//!
//! Costs are processor time of the whole process, all threads, unless a name says `first_chunk`: other work on the
//! machine makes the clock's time longer by what it takes itself. Where a design of another build is an alternative, that
//! is a program of its own (`bench-production-archive`, beside this one), which is asked for each turn.
//!
//! Before anything is measured, each alternative is checked to make what it must.

mod archive;
mod body;
mod codecs;
mod rounds;
mod serializer;
mod tee;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use bench_harness::{Result, exit_code};
use bench_records::MicroReport;
use clap::Parser;

/// Measures loops of one process, each by turns with its alternatives, and prints what was found as one line of JSON.
#[derive(Debug, Parser)]
struct Arguments {
    /// Within a minute: fewer rounds, and no auction of 310 MB.
    #[arg(long)]
    quick: bool,
    /// The program `bench-production-archive`, if it is not beside this one.
    #[arg(long)]
    production: Option<PathBuf>,
    /// Archive once with this codec and print how far that went above the base, in KiB. The program starts itself so: only a
    /// new process has no memory to spare that would hide it.
    #[arg(long, hide = true)]
    peak_of: Option<archive_sink::Codec>,
}

impl Arguments {
    fn effort(&self) -> Effort {
        if self.quick {
            Effort::Quick
        } else {
            Effort::Full
        }
    }

    /// Where the design of the other build is.
    fn production(&self) -> Result<PathBuf> {
        match &self.production {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?.with_file_name("bench-production-archive")),
        }
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Within a minute.
    Quick,
    /// Within five.
    Full,
}

impl Effort {
    /// One of two values.
    pub(crate) fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

fn main() -> ExitCode {
    exit_code(answer(&Arguments::parse()))
}

fn answer(arguments: &Arguments) -> Result<()> {
    let effort = arguments.effort();
    let mut line = match arguments.peak_of {
        Some(codec) => archive::peak_of_this_process(codec, effort)?.to_string(),
        None => serde_json::to_string(&measure(arguments, effort)?)?,
    };
    line.push('\n');
    Ok(std::io::stdout().write_all(line.as_bytes())?)
}

fn measure(arguments: &Arguments, effort: Effort) -> Result<MicroReport> {
    let mut report = MicroReport::default();
    // First what needs the other program, so that nobody waits for minutes to hear that it is not there.
    archive::measure(&arguments.production()?, effort, &mut report)?;
    tee::measure(effort, &mut report)?;
    body::measure(effort, &mut report)?;
    codecs::measure(effort, &mut report)?;
    serializer::measure(effort, &mut report)?;
    Ok(report)
}
