//! Which compressed requests an endpoint takes, found out from its answers.

use std::collections::HashMap;
use std::sync::Mutex;

use http::Uri;
use http::header::{ACCEPT_ENCODING, HeaderMap};

use crate::encoding::{Codec, candidates, content_encoding};
use crate::progress::lock;

/// What endpoints have said so far. Until one has, requests to it are not compressed.
#[derive(Default)]
pub(crate) struct LearnedEncodings {
    endpoints: Mutex<HashMap<Uri, Learned>>,
}

/// What one endpoint has said.
#[derive(Default)]
struct Learned {
    /// The last `Accept-Encoding` of an answer (RFC 7694).
    accepted: Vec<String>,
    /// What was answered 415 all the same. It is not tried again.
    refused: Vec<&'static str>,
}

impl LearnedEncodings {
    /// How to compress a request to `endpoint`: `preferred`, if it takes that, else the best that it takes.
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

    /// An answer of `endpoint` has these headers. One that does not say what is accepted changes nothing.
    pub(crate) fn answered(&self, endpoint: &Uri, headers: &HeaderMap) {
        if headers.contains_key(ACCEPT_ENCODING) {
            let mut endpoints = lock(&self.endpoints);
            let learned = endpoints.entry(endpoint.clone()).or_default();
            learned.accepted = accepted(headers);
        }
    }

    /// A request in this encoding was answered 415.
    pub(crate) fn refused(&self, endpoint: &Uri, encoding: &'static str) {
        let mut endpoints = lock(&self.endpoints);
        let learned = endpoints.entry(endpoint.clone()).or_default();
        learned.refused.push(encoding);
    }
}

/// The encodings that are named, but for those of weight 0 (RFC 9110, 12.5.3). `*` names none: who takes anything would
/// have to have every decoder.
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
