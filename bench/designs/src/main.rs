//! The compared designs. Each run of this program makes one call, by the design that `--design` names, and prints what that
//! took.

mod archive_alone;
mod eager;
mod ours;
mod streamed;
mod threaded;

use std::sync::Arc;

use anyhow::{Result, bail};
use archive_sink::{Archive, CodecKind};
use bench_harness::{Codec, Setup};

fn main() -> Result<()> {
    let arguments = bench_harness::arguments();
    match arguments.design() {
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

/// This project's archive, without a digest, which no other design computes.
fn archive(setup: &Setup) -> Result<Archive> {
    let kind = match setup.codec {
        Codec::Zstd => CodecKind::Zstd,
        Codec::Gzip | Codec::None => CodecKind::Gzip,
    };
    let archive = Archive::builder(Arc::new(setup.store.clone()));
    let codec = archive_sink::Codec::default_for(kind);
    Ok(archive.codec(codec).digest(false).build()?)
}
