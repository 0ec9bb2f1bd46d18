//! How documents are compressed for solvers. The codecs are those of `archive-sink`, so without the feature `archive` there is
//! no value of type [`Codec`].

use std::collections::HashMap;
#[cfg(not(feature = "archive"))]
pub(crate) use std::convert::Infallible as Codec;
use std::sync::Mutex;

#[cfg(feature = "archive")]
pub(crate) use archive_sink::Codec;
use bytes::Bytes;
use http::Uri;
use http::header::{ACCEPT_ENCODING, HeaderMap};
use tee_stream::Branch;

use crate::document::{BoxError, DocumentError};
use crate::observer::lock;

/// Returns the `Content-Encoding` of what `codec` compresses.
pub(crate) fn content_encoding(codec: Codec) -> Option<&'static str> {
    #[cfg(not(feature = "archive"))]
    match codec {}
    #[cfg(feature = "archive")]
    codec.content_encoding()
}

/// Returns how requests may be compressed if the engine accepts it, best first.
pub(crate) fn candidates() -> impl Iterator<Item = Codec> {
    #[cfg(not(feature = "archive"))]
    return std::iter::empty();
    #[cfg(feature = "archive")]
    {
        use archive_sink::CodecKind::{Brotli, Gzip, Zstd};

        let compiled = [Zstd, Gzip, Brotli].into_iter();
        let compiled = compiled.filter(|kind| kind.is_compiled());
        compiled.map(Codec::default_for)
    }
}

/// Checks that `codec` is compiled.
pub(crate) fn check(codec: Codec) -> Result<(), BoxError> {
    #[cfg(not(feature = "archive"))]
    match codec {}
    #[cfg(feature = "archive")]
    {
        let nothing = futures_util::stream::empty::<Result<Bytes, std::convert::Infallible>>();
        let encoded = archive_sink::EncodedStream::new(nothing, codec);
        encoded.map(drop).map_err(Into::into)
    }
}

/// Compresses what `raw` yields.
#[cfg(feature = "archive")]
pub(crate) fn encode(
    raw: Branch<DocumentError>,
    codec: Codec,
) -> impl futures_core::Stream<Item = Result<Bytes, DocumentError>> + Unpin + Send {
    use futures_util::future::Either;
    use futures_util::{TryStreamExt, stream};

    match archive_sink::EncodedStream::new(raw, codec) {
        Ok(encoded) => Either::Left(encoded.map_err(DocumentError::new)),
        Err(error) => Either::Right(stream::iter([Err(DocumentError::new(error))])),
    }
}

#[cfg(not(feature = "archive"))]
pub(crate) fn encode(
    _raw: Branch<DocumentError>,
    codec: Codec,
) -> futures_util::stream::Empty<Result<Bytes, DocumentError>> {
    match codec {}
}

/// Which compressed requests endpoints accept, learned from their answers. Until one has, requests to it are not compressed.
#[derive(Default)]
pub(crate) struct LearnedEncodings {
    endpoints: Mutex<HashMap<Uri, Learned>>,
}

/// What one endpoint has said.
#[derive(Default)]
struct Learned {
    /// The last `Accept-Encoding` of an answer (RFC 7694).
    accepted: Vec<String>,
    /// Encodings that were answered 415 all the same. They are not tried again.
    refused: Vec<&'static str>,
}

impl LearnedEncodings {
    /// Chooses how to compress a request to `endpoint`: as `preferred`, if it accepts that, or else the best that it accepts.
    pub(crate) fn choose(&self, endpoint: &Uri, preferred: Option<Codec>) -> Option<Codec> {
        let endpoints = lock(&self.endpoints);
        let learned = endpoints.get(endpoint)?;
        preferred.into_iter().chain(candidates()).find(|codec| {
            let is_taken = |name: &str| {
                learned.accepted.iter().any(|accepted| accepted == name)
                    && !learned.refused.contains(&name)
            };
            content_encoding(*codec).is_some_and(is_taken)
        })
    }

    /// Learns from the headers of an answer, if they say what `endpoint` accepts.
    pub(crate) fn answered(&self, endpoint: &Uri, headers: &HeaderMap) {
        if headers.contains_key(ACCEPT_ENCODING) {
            let mut endpoints = lock(&self.endpoints);
            let learned = endpoints.entry(endpoint.clone()).or_default();
            learned.accepted = accepted(headers);
        }
    }

    /// A request with this encoding was answered 415.
    pub(crate) fn refused(&self, endpoint: &Uri, encoding: &'static str) {
        let mut endpoints = lock(&self.endpoints);
        let learned = endpoints.entry(endpoint.clone()).or_default();
        learned.refused.push(encoding);
    }
}

/// Returns the encodings that are named, without those of weight 0 (RFC 9110, 12.5.3). `*` names none: no engine has every
/// decoder.
fn accepted(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let named = values
        .flat_map(|value| value.split(','))
        .filter_map(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight.trim().to_ascii_lowercase();
            let weight = weight
                .strip_prefix("q=")
                .and_then(|weight| weight.parse::<f32>().ok());
            let name = name.trim().to_ascii_lowercase();
            let name = name.strip_prefix("x-").unwrap_or(&name).to_owned();
            (weight? > 0.0).then_some(name)
        });
    named.collect()
}

#[cfg(all(test, feature = "gzip", feature = "zstd", feature = "archive"))]
mod tests {
    use super::*;

    #[test]
    fn what_an_endpoint_takes_is_remembered_for_it_alone() {
        let (endpoint, other) = (Uri::from_static("http://a/"), Uri::from_static("http://b/"));
        let encodings = LearnedEncodings::default();
        let chosen = |preferred| {
            let codec = encodings.choose(&endpoint, preferred);
            codec.and_then(content_encoding)
        };
        let answer = |text: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, text.parse().unwrap())]);
            encodings.answered(&endpoint, &headers);
        };
        assert_eq!(chosen(None), None);
        for (text, best) in [
            ("gzip", Some("gzip")),
            ("identity", None),
            ("X-GZIP ; Q=0.5", Some("gzip")),
            ("gzip, zstd", Some("zstd")),
            ("gzip, zstd;q=0", Some("gzip")),
            ("gzip;q=x", None),
            ("*", None),
            ("", None),
            ("zstd,gzip", Some("zstd")),
        ] {
            answer(text);
            assert_eq!(chosen(None), best, "{text}");
        }
        // An answer that says nothing changes nothing.
        encodings.answered(&endpoint, &HeaderMap::new());
        let archive = Codec::gzip(9).unwrap();
        assert_eq!(encodings.choose(&endpoint, Some(archive)), Some(archive));
        encodings.refused(&endpoint, "zstd");
        answer("zstd,gzip");
        assert_eq!(chosen(None), Some("gzip"));
        assert_eq!(encodings.choose(&other, None), None);
    }
}
