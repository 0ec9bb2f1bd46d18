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
mod serializer;
mod tee;

use anyhow::Result;
use bench_records::MicroReport;
use clap::{Args, Parser};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

/// Measures loops of one process, each by turns with its alternatives, and prints what was found as one line of JSON.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    effort: Effort,
    /// Archive once with this codec and print how far that went above the base, in KiB. The program starts itself so: only a
    /// new process has no memory to spare that would hide it.
    #[arg(long, hide = true)]
    peak_of: Option<archive_sink::Codec>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Effort {
    /// Within a minute: fewer rounds, and smaller archives.
    #[arg(long)]
    quick: bool,
}

impl Effort {
    /// One of two values.
    pub(crate) fn pick<T>(self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}

fn main() -> Result<()> {
    let Arguments { effort, peak_of } = Arguments::parse();
    if let Some(codec) = peak_of {
        println!("{}", archive::peak_of_this_process(codec, effort)?);
        return Ok(());
    }
    let mut report = MicroReport::default();
    // First what needs the other program, so that nobody waits for minutes to hear that it is not there.
    archive::measure(effort, &mut report)?;
    tee::measure(effort, &mut report)?;
    body::measure(effort, &mut report)?;
    codecs::measure(effort, &mut report)?;
    serializer::measure(effort, &mut report)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// The next item of a stream that waits for nothing outside of this process: polls until it is there, without a runtime.
pub(crate) fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    loop {
        if let Some(item) = stream.next().now_or_never() {
            return item;
        }
    }
}
