use std::io::{Error, ErrorKind, Result, Write};
use std::sync::mpsc::SyncSender;

use bytes::Bytes;

/// Sends each block to a channel, blocking the thread while that is full.
#[derive(Debug)]
pub(crate) struct ChannelWriter(pub(crate) SyncSender<Bytes>);

impl Write for ChannelWriter {
    fn write(&mut self, block: &[u8]) -> Result<usize> {
        self.0
            .send(Bytes::copy_from_slice(block))
            .map_err(|_closed| Error::new(ErrorKind::BrokenPipe, "nobody reads"))?;
        Ok(block.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
