//! The designs that hold the whole document in memory: `per-solver`, the plain way, with a copy for each solver, and
//! `shared`, where all send the same bytes. No way of sending can take less CPU than `shared`: it serialises once and
//! compresses once.

use std::sync::Arc;

use anyhow::Result;
use async_compression::Level;
use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use auction_fixtures::Auction;
use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use scripted_store::ScriptedStore;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::endpoints::Endpoints;
use crate::program::{Arguments, Codec, Design};

/// After so much input the other tasks have their turn.
const BLOCK_BYTES: usize = 64 * 1024;

/// The whole document in memory, and the whole archive.
#[derive(Debug)]
pub(crate) struct Eager(Endpoints);

impl Eager {
    pub(crate) fn new(arguments: &Arguments, store: ScriptedStore) -> Result<Self> {
        Ok(Self(Endpoints::new(arguments, store)?))
    }
}

impl Design for Eager {
    async fn warm_up(&self) -> Result<()> {
        self.0.warm_up().await
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let document = Bytes::from(serde_json::to_vec(&*auction)?);
        let is_cloned = self.0.arguments.design == "per-solver";
        let sends = self.0.engines().map(|engine| {
            let body = match is_cloned {
                true => Bytes::copy_from_slice(&document),
                false => document.clone(),
            };
            self.0.post(engine, body)
        });
        let sends = try_join_all(sends);
        let archived = async {
            let compressed = compress(self.0.arguments.codec, &document).await?;
            self.0.archive(compressed).await
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
