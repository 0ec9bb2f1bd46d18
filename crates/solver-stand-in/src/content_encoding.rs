use std::pin::Pin;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncRead};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zstd,
    Brotli,
    /// An unknown coding, or several codings.
    Unknown,
}

impl Coding {
    /// Returns the coding that the headers of a request name, and its name as it arrived.
    pub(super) fn of(headers: &HeaderMap) -> (Self, Option<String>) {
        let names: Vec<_> = headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let coding = match names.as_slice() {
            [] => return (Self::Identity, None),
            [name] => Self::named(name.trim()),
            _ => Self::Unknown,
        };
        (coding, Some(names.join(", ")))
    }

    fn named(name: &str) -> Self {
        // Names of codings are case-insensitive, and x-gzip is an old alias: RFC 9110, 8.4.1.
        match name.to_ascii_lowercase().as_str() {
            "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            "br" => Self::Brotli,
            _ => Self::Unknown,
        }
    }

    /// Whether it is one of those that are `accepted`. No coding always is, and one that is not known never is.
    pub(super) fn is_among(self, accepted: Option<&HeaderValue>) -> bool {
        let accepted = accepted
            .map_or(Ok(""), HeaderValue::to_str)
            .unwrap_or_default();
        let is_named = |name: &str| Self::named(name.trim()) == self;
        self == Self::Identity || self != Self::Unknown && accepted.split(',').any(is_named)
    }

    /// Decodes `encoded` while it is read. If the coding is unknown, the bytes are unchanged.
    ///
    /// Consecutive members form one content, according to RFC 1952 and RFC 8878. Anything else after the first member is an
    /// error.
    pub(super) fn decode(
        self,
        encoded: impl AsyncBufRead + Send + 'static,
    ) -> Pin<Box<dyn AsyncRead + Send>> {
        match self {
            Self::Identity | Self::Unknown => Box::pin(encoded),
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(encoded);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Self::Zstd => {
                let mut decoder = ZstdDecoder::new(encoded);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Self::Brotli => {
                let mut decoder = BrotliDecoder::new(encoded);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coding(values: &[&'static str]) -> (Coding, Option<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        Coding::of(&headers)
    }

    #[test]
    fn what_is_not_accepted_is_not_taken() {
        let accepted = HeaderValue::from_static("X-GZIP, br");
        for (coding, is_taken) in [
            (Coding::Identity, true),
            (Coding::Gzip, true),
            (Coding::Brotli, true),
            (Coding::Zstd, false),
            (Coding::Unknown, false),
        ] {
            assert_eq!(coding.is_among(Some(&accepted)), is_taken, "{coding:?}");
            assert_eq!(coding.is_among(None), coding == Coding::Identity);
        }
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(coding(&[]), (Coding::Identity, None));
        assert_eq!(
            coding(&["GZip"]),
            (Coding::Gzip, Some(String::from("GZip")))
        );
        assert_eq!(coding(&["zstd"]).0, Coding::Zstd);
        assert_eq!(coding(&[" br "]).0, Coding::Brotli);
        assert_eq!(coding(&["deflate"]).0, Coding::Unknown);
    }

    #[test]
    fn several_codings_are_not_known() {
        assert_eq!(
            coding(&["gzip", "br"]),
            (Coding::Unknown, Some(String::from("gzip, br")))
        );
        assert_eq!(coding(&["gzip, br"]).0, Coding::Unknown);
    }
}
