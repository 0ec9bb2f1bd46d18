use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use tee_stream::LagPolicy;

use crate::encoding::Codec;
use crate::endpoint::{Endpoint, SolverError};

/// How often a request is retried by default.
const RETRIES: u32 = 2;

/// Headers that callers cannot set, by what they describe.
pub(crate) const RESERVED: [HeaderName; 14] = [
    // The body.
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    // The host, and the encodings of answers.
    header::ACCEPT_ENCODING,
    header::HOST,
    // A body that waits to be asked for. Ours does not.
    header::EXPECT,
    // The connection: RFC 9110, section 7.6.1.
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A solver engine: its name, where its requests go, and how they are made.
///
/// The defaults suit most engines: the raw document, chunked, over HTTP/1.1 (or HTTP/2 if TLS negotiates it), two retries, and no
/// time limit but the pipeline's deadline.
///
/// ```
/// use driver_streaming::Solver;
///
/// let solver: Solver = "baseline=http://localhost:8080/mainnet/?trace=1".parse()?;
/// assert_eq!(solver.name(), "baseline");
/// assert_eq!(solver.shown_url(), "http://localhost:8080/mainnet/solve?trace=REDACTED");
/// # Ok::<(), driver_streaming::SolverError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Solver {
    name: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) timeout: Option<Duration>,
    pub(crate) encoding: Option<Codec>,
    pub(crate) learns_encoding: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) retries: u32,
    pub(crate) content_length: bool,
    pub(crate) http2: bool,
    pub(crate) lag_policy: Option<LagPolicy>,
    pub(crate) answer_bytes: Option<usize>,
}

impl Solver {
    /// Creates a solver whose requests go to `/solve` below `endpoint`.
    ///
    /// # Errors
    /// If the name is empty or the endpoint is not an http or https URL.
    pub fn new(name: impl Into<String>, endpoint: &str) -> Result<Self, SolverError> {
        let name = name.into();
        if name.is_empty() {
            return Err(SolverError::Name("is empty".to_owned()));
        }
        if name.chars().any(char::is_control) {
            let problem = format!("{name:?} has a control character");
            return Err(SolverError::Name(problem));
        }
        let endpoint = Endpoint::solve_below(&name, endpoint)?;
        Ok(Self {
            name,
            endpoint,
            timeout: None,
            encoding: None,
            learns_encoding: false,
            headers: HeaderMap::new(),
            retries: RETRIES,
            content_length: false,
            http2: false,
            lag_policy: None,
            answer_bytes: None,
        })
    }

    /// Sets a time limit from the start of the run. The pipeline's deadline still applies.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Compresses its requests. Solvers that are sent the same bytes share one compression, and so does the archive if it has
    /// the same codec and level.
    ///
    /// [`Codec::Identity`] turns compression off. A pipeline cannot be built with a codec that is not compiled.
    #[cfg(feature = "archive")]
    #[must_use]
    pub fn with_encoding(mut self, codec: Codec) -> Self {
        self.encoding = (codec != Codec::Identity).then_some(codec);
        self.learns_encoding = false;
        self
    }

    /// Compresses its requests as its endpoint accepts them, in place of a fixed [encoding](Self::with_encoding).
    ///
    /// The first request is plain. The `Accept-Encoding` of its answers (RFC 7694) says what the endpoint takes. The pipeline
    /// prefers the archive's codec, then zstd, gzip and brotli, of those that are compiled. A compressed request that is
    /// answered 415 is repeated at once, plain, which costs no attempt. That encoding is not sent to this endpoint again.
    #[cfg(feature = "archive")]
    #[must_use]
    pub fn with_learned_encoding(mut self) -> Self {
        self.encoding = None;
        self.learns_encoding = true;
        self
    }

    /// Sends this header with each request. Its value appears in no report and no log.
    ///
    /// # Errors
    /// If the header describes the body, the connection or the encoding of answers, such as `content-type`, `connection` and
    /// `accept-encoding`.
    pub fn with_header(
        mut self,
        name: HeaderName,
        mut value: HeaderValue,
    ) -> Result<Self, SolverError> {
        if RESERVED.contains(&name) {
            return Err(SolverError::Header { name });
        }
        value.set_sensitive(true);
        self.headers.append(name, value);
        Ok(self)
    }

    /// Sets how often a request is retried that found no connection, had no answer, or was answered 502, 503 or 504. The default
    /// is 2. Retries keep within the time limit. Each pause is longer than the one before, or as long as `Retry-After` says.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sends a `Content-Length`, for engines that do not take chunked requests. The document is serialised once more to
    /// count its length, before this solver's first byte is sent. Cannot be combined with an encoding.
    #[must_use]
    pub fn with_content_length(mut self) -> Self {
        self.content_length = true;
        self
    }

    /// Uses HTTP/2 with prior knowledge (RFC 9113, 3.3), even without TLS.
    #[must_use]
    pub fn with_http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Sets what happens if this solver is too slow for others that are sent the same document. By default the others wait
    /// no longer than producing the document has taken, and some milliseconds. Then it gets its own production
    /// ([`LagPolicy::Account`]).
    #[must_use]
    pub fn with_lag_policy(mut self, policy: LagPolicy) -> Self {
        self.lag_policy = Some(policy);
        self
    }

    /// Sets the longest answer in bytes. The default is the pipeline's.
    #[must_use]
    pub fn with_answer_limit(mut self, bytes: usize) -> Self {
        self.answer_bytes = Some(bytes);
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the URL of requests, with `***` in place of user and password, and `REDACTED` in place of each query value.
    pub fn shown_url(&self) -> String {
        self.endpoint.shown()
    }

    /// Returns the URL of requests without user and password, and with `REDACTED` in place of each query value: for observers
    /// that want the host and the port.
    pub fn uri_without_secrets(&self) -> &Uri {
        &self.endpoint.without_secrets
    }

    /// Creates a POST request to `name` beside `/solve`, such as `notify`, with the solver's headers, for your own client. It may
    /// hold secrets.
    pub fn post_beside(&self, name: &str) -> http::request::Builder {
        let uri = &self.endpoint.uri;
        let base = uri.path().strip_suffix("solve").unwrap_or("/");
        let query = uri
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = format!("{base}{name}{query}").parse().ok();
        let mut request = http::Request::post(Uri::from_parts(parts).unwrap_or_default());
        if self.http2 {
            request = request.version(http::Version::HTTP_2);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// Returns how its requests are compressed.
    #[cfg(feature = "archive")]
    pub fn encoding(&self) -> Option<Codec> {
        self.encoding
    }
}

/// `NAME=URL`.
impl FromStr for Solver {
    type Err = SolverError;

    fn from_str(text: &str) -> Result<Self, SolverError> {
        // Without a name, the first '=' may be one of the URL's query.
        let (name, endpoint) = text
            .split_once('=')
            .filter(|(name, _)| !name.contains("://"))
            .ok_or(SolverError::NoName)?;
        Self::new(name, endpoint)
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn solve_is_appended_with_one_slash_and_the_query_kept() {
        for (endpoint, url) in [
            ("http://h:1", "http://h:1/solve"),
            ("http://h:1/", "http://h:1/solve"),
            ("http://h/a", "http://h/a/solve"),
            ("https://h/a//?x=1&y=/", "https://h/a/solve?x=1&y=/"),
            ("http://h/a%20b/#part", "http://h/a%20b/solve"),
        ] {
            let solver = Solver::new("s", endpoint).unwrap();
            assert_eq!(solver.endpoint.uri.to_string(), url);
        }
    }

    #[test]
    fn what_is_beside_solve_has_its_query_and_headers() {
        let solver = Solver::new("s", "http://u:p@h/a/?x=1").unwrap();
        let (name, value) = (header::AUTHORIZATION, HeaderValue::from_static("k"));
        let solver = solver.with_header(name, value).unwrap();
        let request = solver.post_beside("notify").body(()).unwrap();
        assert_eq!(request.uri(), "http://u:p@h/a/notify?x=1");
        assert_eq!(request.method(), "POST");
        assert_eq!(request.headers()[header::AUTHORIZATION], "k");
    }

    #[test]
    fn what_cannot_be_addressed_is_refused_without_showing_the_password() {
        for text in [
            "http://h",
            "=http://h",
            "a=",
            "a=h:1",
            "a=ftp://u:secret@h",
            "a=http://",
            "a=http://u:secret@h:99999",
            "http://u:secret@h/?next=http://h",
            "a\n=http://h",
        ] {
            let error = text.parse::<Solver>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
        let solver: Solver = "a=http://u:secret@h/?key=secret".parse().unwrap();
        let solver = solver
            .with_header(header::AUTHORIZATION, HeaderValue::from_static("secret"))
            .unwrap();
        assert!(!format!("{solver:?}").contains("secret"));
        let shown = "http://h/solve?key=REDACTED";
        assert_eq!(solver.uri_without_secrets().to_string(), shown);
    }

    #[cfg(feature = "archive")]
    #[test]
    fn identity_is_no_encoding() {
        let encoded = |codec| {
            let solver = Solver::new("s", "http://h").unwrap();
            solver.with_encoding(codec).encoding()
        };
        let gzip = Codec::default_for(archive_sink::CodecKind::Gzip);
        assert_eq!(encoded(gzip), Some(gzip));
        assert_eq!(encoded(Codec::Identity), None);
    }

    #[test]
    fn reserved_headers_are_refused_and_no_others() {
        let with = |name: &HeaderName| {
            let solver = Solver::new("s", "http://h").unwrap();
            solver.with_header(name.clone(), HeaderValue::from_static("1"))
        };
        for name in RESERVED {
            let refused = with(&name).unwrap_err();
            assert!(matches!(refused, SolverError::Header { name: found } if found == name));
        }
        for name in [header::AUTHORIZATION, header::USER_AGENT, header::ACCEPT] {
            assert!(with(&name).is_ok(), "{name}");
        }
    }
}
