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
use tokio::sync::{mpsc, oneshot};

use crate::endpoints::Endpoints;

/// The size of the buffer before the channel.
const BLOCK_BYTES: usize = 64 * 1024;
/// How many blocks the channel holds.
const CHANNEL_BLOCKS: usize = 2;

/// Production builds a value of its own for each solver; here they share one, which is cheaper.
pub(crate) async fn send(endpoints: Endpoints, auction: Arc<Auction>) -> Result<f64> {
    let engines = endpoints.engines();
    let sends = engines.map(|engine| send_one(&endpoints, engine, Arc::clone(&auction)));
    Ok(try_join_all(sends).await?.len() as f64)
}

/// A thread, a serialisation and a gzip.
async fn send_one(endpoints: &Endpoints, engine: SocketAddr, auction: Arc<Auction>) -> Result<()> {
    let (sender, mut receiver) = mpsc::channel(CHANNEL_BLOCKS);
    let blocks = poll_fn(move |context| {
        let block = receiver.poll_recv(context);
        block.map(|block| block.map(Ok::<_, Infallible>))
    });
    let body = reqwest::Body::wrap_stream(blocks);
    let (deliver, compressed) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let both = Both(ChannelWriter(sender), gzip());
        // As in production, a failure ends the body; the engine's check would find it.
        if let Ok(Both(channel, gzip)) = serialise(&auction, both) {
            // The body ends here, before the gzip does.
            drop(channel);
            if let Ok(compressed) = gzip.finish() {
                let _receiver_gone = deliver.send(Bytes::from(compressed));
            }
        }
    });
    let store = endpoints.clone();
    let archiving = tokio::spawn(async move { store.put(compressed.await?).await });
    let archived = async { archiving.await? };
    try_join(endpoints.post(engine, body), archived).await?;
    Ok(())
}

/// The archive alone. The pull request's first revision wrote each piece of serde_json, often a single byte, into its gzip.
pub(crate) async fn first_archive(endpoints: Endpoints, auction: Arc<Auction>) -> Result<f64> {
    let mut gzip = gzip();
    serde_json::to_writer(&mut gzip, &*auction)?;
    endpoints.put(gzip.finish()?).await?;
    Ok(1.0)
}

/// The archive alone. What was merged has a buffer of 64 KiB before its gzip.
pub(crate) async fn archive(endpoints: Endpoints, auction: Arc<Auction>) -> Result<f64> {
    let gzip = serialise(&auction, gzip())?;
    endpoints.put(gzip.finish()?).await?;
    Ok(1.0)
}

/// A gzip in memory, of production's level.
fn gzip() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::new(3))
}

/// Serialises through a buffer, so that a gzip takes whole blocks, and returns the writer once all is written.
fn serialise<W: Write>(auction: &Auction, writer: W) -> std::io::Result<W> {
    let mut writer = BufWriter::with_capacity(BLOCK_BYTES, writer);
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
