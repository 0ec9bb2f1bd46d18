use std::io::{BufWriter, Result, Write};

use auction_fixtures::Auction;
use flate2::Compression;
use flate2::write::GzEncoder;

const LEVEL: u32 = 3;
const BUFFER_BYTES: usize = 64 * 1024;

/// What the encoder is fed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gzip {
    /// Each piece that serde_json writes, often a single byte: the pull request's first revision.
    Direct,
    /// Blocks of 64 KiB.
    Buffered,
}

impl Gzip {
    /// The whole archive, in memory, of the auction written so many times.
    pub(crate) fn archive(self, auction: &Auction, times: usize) -> Result<Vec<u8>> {
        let encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        let encoder = match self {
            Self::Direct => write(encoder, auction, times)?,
            Self::Buffered => {
                let writer = BufWriter::with_capacity(BUFFER_BYTES, encoder);
                let written = write(writer, auction, times)?;
                written.into_inner().map_err(|error| error.into_error())?
            }
        };
        encoder.finish()
    }
}

fn write<W: Write>(mut writer: W, auction: &Auction, times: usize) -> Result<W> {
    for _ in 0..times {
        serde_json::to_writer(&mut writer, auction)?;
    }
    Ok(writer)
}
