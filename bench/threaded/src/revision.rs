use std::io::{BufWriter, Result, Write};

use auction_fixtures::Auction;

use crate::both::Both;
use crate::channel_writer::ChannelWriter;

const BLOCK_BYTES: usize = 64 * 1024;

/// How the source wires a solver's two writers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Revision {
    /// The pull request's first: the gzip takes each piece that serde_json writes, often a single byte, and the channel
    /// holds eight blocks.
    First,
    /// As merged: one buffer before both, so that the gzip takes whole blocks, and the channel holds two.
    Merged,
}

impl Revision {
    pub(crate) fn channel_blocks(self) -> usize {
        match self {
            Self::First => 8,
            Self::Merged => 2,
        }
    }

    /// Serialises into both and gives them back when all is written.
    pub(crate) fn serialise<W: Write>(
        self,
        auction: &Auction,
        channel: ChannelWriter,
        archive: W,
    ) -> Result<(ChannelWriter, W)> {
        match self {
            Self::First => {
                let channel = BufWriter::with_capacity(BLOCK_BYTES, channel);
                let mut both = Both(channel, archive);
                serde_json::to_writer(&mut both, auction)?;
                let Both(channel, archive) = both;
                let channel = channel.into_inner().map_err(|error| error.into_error())?;
                Ok((channel, archive))
            }
            Self::Merged => {
                let both = Both(channel, archive);
                let mut writer = BufWriter::with_capacity(BLOCK_BYTES, both);
                serde_json::to_writer(&mut writer, auction)?;
                let Both(channel, archive) =
                    writer.into_inner().map_err(|error| error.into_error())?;
                Ok((channel, archive))
            }
        }
    }
}
