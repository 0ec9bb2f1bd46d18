//! Loops of one process, each measured by turns with its alternatives: the serializer, the tee, the measured body, the
//! archive and its codecs. Prints a [`MicroReport`] as one line of JSON; says on standard error how far it is.
//!
//! Costs are processor time of the whole process, all threads, unless a name says `first_chunk`: other work on the
//! machine makes the clock's time longer by what it takes itself. Where a design of another build is an alternative, that
//! is a program of its own (`comparison-production-archive`, beside this one), which is asked for each turn.
//!
//! Before anything is measured, each alternative is checked to make what it must.

mod archive;
mod archiver;
mod arguments;
mod body;
mod channel_writer;
mod codecs;
mod effort;
mod peak;
mod poll;
mod production;
mod rounds;
mod serializer;
mod series;
mod source;
mod tee;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use comparison_harness::{Result, exit_code};
use comparison_records::MicroReport;

use crate::arguments::Arguments;
use crate::effort::Effort;

fn main() -> ExitCode {
    exit_code(answer(&Arguments::parse()))
}

fn answer(arguments: &Arguments) -> Result<()> {
    let effort = arguments.effort();
    let mut line = match arguments.peak_of {
        Some(codec) => peak::of_this_process(codec, effort)?.to_string(),
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
