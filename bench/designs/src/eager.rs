//! The designs that hold the whole document in memory: `per-solver`, the plain way, with a copy for each solver, and
//! `shared`, where all send the same bytes. No way of sending can take less CPU than `shared`: it serialises once and
//! compresses once.

use std::sync::Arc;

use anyhow::Result;
use archive_sink::CodecKind;
use async_compression::Level;
use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use auction_fixtures::Auction;
use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::endpoints::Endpoints;

/// After so much input the other tasks have their turn.
const BLOCK_BYTES: usize = 64 * 1024;

pub(crate) async fn send(endpoints: Endpoints, auction: Arc<Auction>) -> Result<f64> {
    let document = Bytes::from(serde_json::to_vec(&*auction)?);
    let is_cloned = endpoints.arguments.design == "per-solver";
    let sends = endpoints.engines().map(|engine| {
        let body = match is_cloned {
            true => Bytes::copy_from_slice(&document),
            false => document.clone(),
        };
        endpoints.post(engine, body)
    });
    let sends = try_join_all(sends);
    let archived = async {
        let compressed = compress(endpoints.arguments.codec, &document).await?;
        endpoints.put(compressed).await
    };
    try_join(sends, archived).await?;
    Ok(1.0)
}

/// The whole, compressed by the encoders and settings that `archive_sink` takes for the same codec.
async fn compress(codec: Option<CodecKind>, document: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    if codec == Some(CodecKind::Gzip) {
        let encoder = GzipEncoder::with_quality(&mut compressed, Level::Precise(3));
        write(encoder, document).await?;
    } else {
        let (level, checksum) = (Level::Precise(1), [CParameter::checksum_flag(true)]);
        let encoder = ZstdEncoder::with_quality_and_params(&mut compressed, level, &checksum);
        write(encoder, document).await?;
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
