//! The compared designs. Each run of this program makes one call, by the design that `--design` names, and prints what that
//! took.

mod archive_alone;
mod eager;
mod endpoints;
mod ours;
mod program;
mod streamed;
mod threaded;
mod watch;

use anyhow::{Result, bail};
use clap::Parser as _;

use self::program::Arguments;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.design.as_str() {
        "threaded" => arguments.run(threaded::Threaded::new),
        "per-solver" | "shared" => arguments.run(eager::Eager::new),
        "ours" => arguments.run(ours::Ours::new),
        "streamed" => arguments.run(streamed::Streamed::new),
        "archive" | "production archive" | "first production archive" => {
            arguments.run(archive_alone::ArchiveAlone::new)
        }
        unknown => bail!("there is no design {unknown:?}"),
    }
}
