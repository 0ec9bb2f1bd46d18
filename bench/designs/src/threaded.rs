//! The streaming design that is in production, after its public source (cowprotocol/services, pull request 4575:
//! `crates/driver/src/infra/solver/streaming` and `crates/s3`): for each solver a blocking thread serialises through a
//! buffer of 64 KiB into a channel of two blocks, which is the request's body, and, where an archive is configured for
//! the solver, into a gzip in memory, which is sent in one PUT.

use std::convert::Infallible;
use std::io::{BufWriter, Error, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use auction_fixtures::Auction;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::{try_join, try_join_all};
use futures_util::stream::poll_fn;
use scripted_store::ScriptedStore;
use tokio::sync::{mpsc, oneshot};

use crate::endpoints::Endpoints;
use crate::program::{Arguments, Design};

const GZIP_LEVEL: u32 = 3;
/// The size of the buffer before the channel.
const BLOCK_BYTES: usize = 64 * 1024;
/// How many blocks the channel holds.
const CHANNEL_BLOCKS: usize = 2;

/// A thread, a serialisation and a gzip for each solver.
#[derive(Debug)]
pub(crate) struct Threaded(Endpoints);

impl Threaded {
    pub(crate) fn new(arguments: &Arguments, store: ScriptedStore) -> Result<Self> {
        Ok(Self(Endpoints::new(arguments, store)?))
    }

    async fn send(&self, engine: SocketAddr, auction: Arc<Auction>) -> Result<()> {
        let (sender, mut receiver) = mpsc::channel(CHANNEL_BLOCKS);
        let blocks = poll_fn(move |context| {
            let block = receiver.poll_recv(context);
            block.map(|block| block.map(Ok::<_, Infallible>))
        });
        let body = reqwest::Body::wrap_stream(blocks);
        let (deliver, compressed) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let gzip = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
            // As in production, a failure ends the body; the engine's check would find it.
            if let Ok(Both(channel, gzip)) = serialise(&auction, Both(ChannelWriter(sender), gzip))
            {
                // The body ends here, before the gzip does.
                drop(channel);
                if let Ok(compressed) = gzip.finish() {
                    let _receiver_gone = deliver.send(Bytes::from(compressed));
                }
            }
        });
        let endpoints = self.0.clone();
        let archiving = tokio::spawn(async move { endpoints.archive(compressed.await?).await });
        let archived = async { archiving.await? };
        try_join(self.0.post(engine, body), archived).await?;
        Ok(())
    }
}

impl Design for Threaded {
    async fn warm_up(&self) -> Result<()> {
        self.0.warm_up().await
    }

    /// Production builds a value of its own for each solver; here they share one, which is cheaper.
    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let engines = self.0.engines();
        let sends = engines.map(|engine| self.send(engine, Arc::clone(&auction)));
        Ok(try_join_all(sends).await?.len() as f64)
    }
}

/// Serialises into both through one buffer, so that the gzip takes whole blocks, and returns them once all is written.
fn serialise<W: Write>(auction: &Auction, both: W) -> std::io::Result<W> {
    let mut writer = BufWriter::with_capacity(BLOCK_BYTES, both);
    serde_json::to_writer(&mut writer, auction)?;
    writer.into_inner().map_err(|error| error.into_error())
}

/// Writes to both, one after the other.
#[derive(Debug)]
struct Both<A, B>(A, B);

impl<A: Write, B: Write> Write for Both<A, B> {
    fn write(&mut self, block: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(block)?;
        self.1.write_all(block)?;
        Ok(block.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
}

/// Sends each block to a body's channel, blocking the thread while that is full.
#[derive(Debug)]
struct ChannelWriter(mpsc::Sender<Bytes>);

impl Write for ChannelWriter {
    fn write(&mut self, block: &[u8]) -> std::io::Result<usize> {
        self.0
            .blocking_send(Bytes::copy_from_slice(block))
            .map_err(|_closed| Error::new(ErrorKind::BrokenPipe, "the body was dropped"))?;
        Ok(block.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
