use std::io;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};

#[cfg(any(feature = "gzip", feature = "zstd"))]
use tokio_util::io::ReaderStream;
#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
use tokio_util::io::StreamReader;

/// How many bytes are decoded at once: 64 KiB.
#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
const CHUNK_BYTES: usize = 64 * 1024;

/// The codings that can be decoded, best first, and whether they are compiled.
const DECODED: [(&str, bool); 3] = [
    ("zstd", cfg!(feature = "zstd")),
    ("gzip", cfg!(feature = "gzip")),
    ("br", cfg!(feature = "brotli")),
];

/// Returns the `Accept-Encoding` of requests.
pub(crate) fn accepted_encodings() -> HeaderValue {
    let compiled = DECODED.iter().filter(|(_name, is_compiled)| *is_compiled);
    let names: Vec<_> = compiled.map(|(name, _)| *name).collect();
    let value = HeaderValue::from_str(&names.join(", "));
    let value = value.ok().filter(|value| !value.is_empty());
    value.unwrap_or(HeaderValue::from_static("identity"))
}

/// Decodes content while it arrives, as the `Content-Encoding` of its `headers` says: `gzip`, `zstd`, `br`, or nothing. Returns
/// `None` for other codings, for several, and for those whose feature is off.
///
/// Memory is bounded whatever the content is: 64 KiB, and the coding's window, which has 32 KiB for gzip, at most 8 MiB for zstd
/// (RFC 9659) and at most 16 MiB for br (RFC 7932). Content that needs more is an error, and so is content that is cut off.
pub fn decode_content<S>(
    headers: &HeaderMap,
    encoded: S,
) -> Option<BoxStream<'static, io::Result<Bytes>>>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let coding = codings.next().map_or(&b""[..], HeaderValue::as_bytes);
    match &*coding.trim_ascii().to_ascii_lowercase() {
        _ if codings.next().is_some() => None,
        b"" | b"identity" => Some(encoded.boxed()),
        // The second is an old alias (RFC 9110, 8.4.1.3).
        #[cfg(feature = "gzip")]
        b"gzip" | b"x-gzip" => {
            use async_compression::tokio::bufread::GzipDecoder;

            let mut decoder = GzipDecoder::new(StreamReader::new(encoded));
            decoder.multiple_members(true);
            Some(ReaderStream::with_capacity(decoder, CHUNK_BYTES).boxed())
        }
        #[cfg(feature = "zstd")]
        b"zstd" => {
            use async_compression::tokio::bufread::ZstdDecoder;
            use async_compression::zstd::DParameter;

            // 8 MiB, which is all that an HTTP decoder has to accept (RFC 9659).
            let window = DParameter::window_log_max(23);
            let mut decoder = ZstdDecoder::with_params(StreamReader::new(encoded), &[window]);
            decoder.multiple_members(true);
            Some(ReaderStream::with_capacity(decoder, CHUNK_BYTES).boxed())
        }
        #[cfg(feature = "brotli")]
        b"br" => Some(brotli(encoded).boxed()),
        _ => None,
    }
}

/// Decodes brotli, which has no members as gzip and zstd have: nothing may follow.
///
/// Refuses "large window brotli", which the decoder accepts although RFC 7932 does not have it: it would reserve up to 1 GiB.
/// Its mark is a pattern of the first seven bits that is reserved (9.1).
#[cfg(feature = "brotli")]
fn brotli(
    encoded: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    use async_compression::tokio::bufread::BrotliDecoder;
    use bytes::BytesMut;
    use futures_util::{TryStreamExt, future::ready, stream::try_unfold};
    use tokio_util::io::read_buf;

    let mut is_first = true;
    let chunks = encoded.try_filter(|chunk| ready(!chunk.is_empty()));
    let chunks = chunks.map(move |chunk| match chunk {
        Ok(chunk) if std::mem::take(&mut is_first) && chunk[0] & 0x7f == 0x11 => {
            let why = "brotli with a large window, which RFC 7932 does not have";
            Err(io::Error::other(why))
        }
        chunk => chunk,
    });
    let decoder = BrotliDecoder::new(StreamReader::new(Box::pin(chunks)));
    try_unfold(
        (decoder, BytesMut::new()),
        |(mut decoder, mut buffer)| async move {
            // Small chunks share a buffer.
            if buffer.capacity() == 0 {
                buffer.reserve(CHUNK_BYTES);
            }
            if read_buf(&mut decoder, &mut buffer).await? > 0 {
                return Ok(Some((buffer.split().freeze(), (decoder, buffer))));
            }
            match read_buf(decoder.get_mut(), &mut buffer).await? {
                0 => Ok(None),
                _ => Err(io::Error::other("there is more after the brotli data")),
            }
        },
    )
}

#[cfg(all(test, feature = "brotli"))]
mod tests {
    use futures_util::{TryStreamExt, stream};

    use super::*;

    /// Made by brotli from 900 MiB of one letter, with a window of 2^30 bytes: the first bytes of 736.
    const LARGE_WINDOW: [u8; 32] = [
        0x11, 0x1e, 0xff, 0xff, 0xff, 0x01, 0x90, 0x08, 0x8b, 0xc7, 0x02, 0x21, 0xf7, 0xfe, 0x9f,
        0xff, 0xff, 0xff, 0x00, 0x48, 0x00, 0xc4, 0x61, 0x01, 0xa0, 0x7b, 0xff, 0xcf, 0xff, 0xff,
        0x7f, 0x00,
    ];

    async fn decode(encoded: &[&'static [u8]]) -> io::Result<Vec<Bytes>> {
        let chunks: Vec<_> = encoded
            .iter()
            .map(|chunk| Ok(Bytes::from_static(chunk)))
            .collect();
        let coding = (CONTENT_ENCODING, HeaderValue::from_static(" BR "));
        let headers = HeaderMap::from_iter([coding]);
        let decoded = decode_content(&headers, stream::iter(chunks)).unwrap();
        decoded.try_collect().await
    }

    #[tokio::test]
    async fn brotli_windows_beyond_the_standard_are_refused_before_they_are_allocated() {
        // Also an empty document that is whole, and the same mark with the bit after it set.
        for encoded in [&LARGE_WINDOW[..], &[0x11, 0xde], &[0x91, 0xde]] {
            let why = decode(&[b"", encoded]).await.unwrap_err();
            assert!(why.to_string().contains("large window"), "{why}");
        }
        // The largest window of the standard, 2^24: 1111 and then a last and empty block.
        assert!(decode(&[&[0x3f]]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn nothing_follows_brotli() {
        for encoded in [&[&[0x3f, 0x3f][..]][..], &[&[0x3f], b"", &[0x11, 0xde]]] {
            let why = decode(encoded).await.unwrap_err();
            assert!(why.to_string().contains("more after"), "{why}");
        }
    }
}
