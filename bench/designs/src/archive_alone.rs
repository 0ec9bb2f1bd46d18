//! One auction into one archived object, and no solvers: by this project, and by the design in production after its public
//! source (cowprotocol/services, pull request 4575): gzip of level 3 into memory, which goes out in one PUT. The pull
//! request's first revision wrote each piece of serde_json into its gzip; what was merged has a buffer of 64 KiB before it.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use anyhow::Result;
use archive_sink::Archive;
use auction_fixtures::Auction;
use chunked_writer::JsonDocument;
use flate2::Compression;
use flate2::write::GzEncoder;
use scripted_store::ScriptedStore;

use crate::endpoints::Endpoints;
use crate::ours::archive;
use crate::program::{ARCHIVE_KEY, Arguments, Design};

const LEVEL: u32 = 3;
const BUFFER_BYTES: usize = 64 * 1024;

pub(crate) enum ArchiveAlone {
    Ours(Archive),
    /// Each piece that serde_json writes, often a single byte, goes to the encoder.
    First(Endpoints),
    /// Blocks of 64 KiB do.
    Merged(Endpoints),
}

impl ArchiveAlone {
    pub(crate) fn new(arguments: &Arguments, store: ScriptedStore) -> Result<Self> {
        Ok(match arguments.design.as_str() {
            "archive" => Self::Ours(archive(arguments.codec, store)?),
            "production archive" => Self::Merged(Endpoints::new(arguments, store)?),
            _ => Self::First(Endpoints::new(arguments, store)?),
        })
    }
}

impl Design for ArchiveAlone {
    async fn warm_up(&self) -> Result<()> {
        Ok(())
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let gzip = || GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        match self {
            Self::Ours(archive) => {
                let document = JsonDocument::from_arc(auction).stream();
                archive.store(ARCHIVE_KEY, document).await?;
            }
            Self::First(endpoints) => {
                let gzip = write(gzip(), &auction)?;
                endpoints.archive(gzip.finish()?).await?;
            }
            Self::Merged(endpoints) => {
                let writer = BufWriter::with_capacity(BUFFER_BYTES, gzip());
                let writer = write(writer, &auction)?.into_inner();
                let gzip = writer.map_err(|error| error.into_error())?;
                endpoints.archive(gzip.finish()?).await?;
            }
        }
        Ok(1.0)
    }
}

fn write<W: Write>(mut writer: W, auction: &Auction) -> Result<W> {
    serde_json::to_writer(&mut writer, auction)?;
    Ok(writer)
}
