use std::io::{Error, ErrorKind, Result, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// The size of production's buffer before its channel.
pub const BLOCK_BYTES: usize = 64 * 1024;
/// How many blocks production's channel holds.
pub const CHANNEL_BLOCKS: usize = 2;

/// Sends each block to a body's channel, blocking the thread while that is full.
#[derive(Debug)]
pub struct ChannelWriter(pub mpsc::Sender<Bytes>);

impl Write for ChannelWriter {
    fn write(&mut self, block: &[u8]) -> Result<usize> {
        self.0
            .blocking_send(Bytes::copy_from_slice(block))
            .map_err(|_closed| Error::new(ErrorKind::BrokenPipe, "the body was dropped"))?;
        Ok(block.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
