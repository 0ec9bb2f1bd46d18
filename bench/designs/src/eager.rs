//! The designs that hold the whole document in memory: `per-solver`, the plain way, with a copy for each solver, and
//! `shared`, where all send the same bytes. No way of sending can take less CPU than `shared`: it serialises once and
//! compresses once.

use std::sync::Arc;

use anyhow::{Result, ensure};
use async_compression::Level;
use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use auction_fixtures::Auction;
use bench_harness::{Codec, Design, Endpoints, Setup};
use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// After so much input the other tasks have their turn.
const BLOCK_BYTES: usize = 64 * 1024;

/// The whole document in memory, and the whole archive.
#[derive(Debug)]
pub(crate) struct Eager {
    endpoints: Endpoints,
    codec: Codec,
    /// Whether each solver is sent a copy of its own.
    is_cloned: bool,
}

impl Eager {
    pub(crate) fn new(setup: Setup) -> Result<Self> {
        ensure!(setup.codec != Codec::None, "it always archives");
        Ok(Self {
            codec: setup.codec,
            is_cloned: setup.design == "per-solver",
            endpoints: Endpoints::new(setup)?,
        })
    }
}

impl Design for Eager {
    async fn warm_up(&self) -> Result<()> {
        self.endpoints.warm_up().await
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let document = Bytes::from(serde_json::to_vec(&*auction)?);
        let sends = try_join_all(self.endpoints.engines.iter().map(|engine| {
            let body = if self.is_cloned {
                Bytes::copy_from_slice(&document)
            } else {
                document.clone()
            };
            self.endpoints.post(*engine, body)
        }));
        let archived = async {
            let compressed = compress(self.codec, &document).await?;
            self.endpoints.archive(compressed).await
        };
        try_join(sends, archived).await?;
        Ok(1.0)
    }
}

/// The whole, compressed by the encoders and settings that `archive_sink` takes for the same codec.
async fn compress(codec: Codec, document: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    match codec {
        Codec::Gzip => {
            let encoder = GzipEncoder::with_quality(&mut compressed, Level::Precise(3));
            write(encoder, document).await?;
        }
        Codec::Zstd | Codec::None => {
            let (level, checksum) = (Level::Precise(1), [CParameter::checksum_flag(true)]);
            let encoder = ZstdEncoder::with_quality_and_params(&mut compressed, level, &checksum);
            write(encoder, document).await?;
        }
    }
    Ok(compressed)
}

async fn write(mut encoder: impl AsyncWrite + Unpin, document: &[u8]) -> Result<()> {
    for block in document.chunks(BLOCK_BYTES) {
        encoder.write_all(block).await?;
        tokio::task::yield_now().await;
    }
    Ok(encoder.shutdown().await?)
}
