//! Loops of one process, each measured by turns with its alternatives: the serializer and the codecs. Prints a [`Measure`] for each figure as one line of JSON, and its progress on standard error.
//!
//! Costs are processor time of the whole process, all threads, unless a name says "first chunk": other work on the
//! machine makes the clock's time longer by what it takes itself.
//!
//! Before anything is measured, each alternative is checked to make what it must.

mod codecs;
mod serializer;

use anyhow::Result;
use bench_records::Measure;
use clap::Parser;
use futures_util::{FutureExt as _, Stream, StreamExt as _};

/// Measures loops of one process, each by turns with its alternatives, and prints what was found as one line of JSON.
#[derive(Clone, Copy, Debug, Parser)]
pub(crate) struct Effort {
    /// Within half a minute: fewer rounds.
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
    let effort = Effort::parse();
    let mut measures: Vec<Measure> = Vec::new();
    codecs::measure(effort, &mut measures)?;
    serializer::measure(effort, &mut measures)?;
    println!("{}", serde_json::to_string(&measures)?);
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
