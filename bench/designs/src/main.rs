//! The compared designs. Each run of this program makes one call, by the design that `--design` names, and prints what that
//! took.

mod eager;
mod endpoints;
mod ours;
mod program;
mod threaded;
mod watch;

use anyhow::{Result, bail};
use clap::Parser as _;

use self::endpoints::run;
use self::program::Arguments;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.design.as_str() {
        "threaded" => run(&arguments, threaded::send),
        "per-solver" | "shared" => run(&arguments, eager::send),
        "ours" => arguments.run(ours::Ours::new),
        "streamed" => run(&arguments, ours::streamed),
        "archive" => run(&arguments, ours::archive_alone),
        "production archive" => run(&arguments, threaded::archive),
        "first production archive" => run(&arguments, threaded::first_archive),
        unknown => bail!("there is no design {unknown:?}"),
    }
}
