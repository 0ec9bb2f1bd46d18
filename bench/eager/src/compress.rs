use async_compression::Level;
use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use comparison_harness::{Codec, Result};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// After so much input the other tasks have their turn.
const BLOCK_BYTES: usize = 64 * 1024;

/// The whole, compressed by the encoders and settings that `archive_sink` takes for the same codec.
pub(crate) async fn compress(codec: Codec, document: &[u8]) -> Result<Vec<u8>> {
    match codec {
        Codec::Gzip => {
            let mut encoder = GzipEncoder::with_quality(Vec::new(), Level::Precise(3));
            write(&mut encoder, document).await?;
            Ok(encoder.into_inner())
        }
        Codec::Zstd => {
            let checksum = [CParameter::checksum_flag(true)];
            let mut encoder =
                ZstdEncoder::with_quality_and_params(Vec::new(), Level::Precise(1), &checksum);
            write(&mut encoder, document).await?;
            Ok(encoder.into_inner())
        }
    }
}

async fn write(encoder: &mut (impl AsyncWrite + Unpin), document: &[u8]) -> Result<()> {
    for block in document.chunks(BLOCK_BYTES) {
        encoder.write_all(block).await?;
        tokio::task::yield_now().await;
    }
    Ok(encoder.shutdown().await?)
}
