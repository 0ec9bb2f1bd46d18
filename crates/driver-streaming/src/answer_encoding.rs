#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
use futures_util::StreamExt;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
use tokio_util::io::{ReaderStream, StreamReader};

use crate::client::AnswerStream;

/// The encodings of answers that are understood, best first: those that are compiled.
const ACCEPTED: [&str; 3] = [
    if cfg!(feature = "zstd") { "zstd" } else { "" },
    if cfg!(feature = "gzip") { "gzip" } else { "" },
    if cfg!(feature = "brotli") { "br" } else { "" },
];

/// An answer in an encoding that was not asked for.
#[derive(Debug, thiserror::Error)]
#[error("the answer is encoded as {encoding:?}, which was not asked for")]
pub(crate) struct UnknownEncoding {
    encoding: String,
}

/// What requests accept, as the value of `Accept-Encoding`.
pub(crate) fn accepted_encodings() -> HeaderValue {
    let names: Vec<_> = ACCEPTED
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let names = if names.is_empty() {
        "identity".to_owned()
    } else {
        names.join(", ")
    };
    HeaderValue::from_str(&names).unwrap_or(HeaderValue::from_static("identity"))
}

/// An answer as it was before it was encoded as `headers` say.
pub(crate) fn decoded(
    headers: &HeaderMap,
    encoded: AnswerStream,
) -> Result<AnswerStream, UnknownEncoding> {
    let mut names = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (names.next(), names.next());
    let name = match first {
        None => return Ok(encoded),
        Some(name) => String::from_utf8_lossy(name.as_bytes())
            .trim()
            .to_ascii_lowercase(),
    };
    match name.as_str() {
        _ if second.is_some() => {}
        "identity" | "" => return Ok(encoded),
        // The second is an old alias: RFC 9110, 8.4.1.3.
        #[cfg(feature = "gzip")]
        "gzip" | "x-gzip" => {
            let mut decoder =
                async_compression::tokio::bufread::GzipDecoder::new(StreamReader::new(encoded));
            decoder.multiple_members(true);
            return Ok(ReaderStream::new(decoder).boxed());
        }
        #[cfg(feature = "zstd")]
        "zstd" => {
            use async_compression::tokio::bufread::ZstdDecoder;
            use async_compression::zstd::DParameter;
            // A window of 8 MiB, which is all that an HTTP decoder has to take: RFC 9659.
            let window = DParameter::window_log_max(23);
            let mut decoder = ZstdDecoder::with_params(StreamReader::new(encoded), &[window]);
            decoder.multiple_members(true);
            return Ok(ReaderStream::new(decoder).boxed());
        }
        #[cfg(feature = "brotli")]
        "br" => {
            let decoder =
                async_compression::tokio::bufread::BrotliDecoder::new(StreamReader::new(encoded));
            return Ok(ReaderStream::new(decoder).boxed());
        }
        _ => {}
    }
    Err(UnknownEncoding { encoding: name })
}
