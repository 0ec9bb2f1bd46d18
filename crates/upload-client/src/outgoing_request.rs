use std::fmt;

use http::{HeaderMap, Method};
use url::Url;

/// A request without its body.
///
/// Its `Debug` shows neither the URL, which may carry a password, nor header values.
#[derive(Clone)]
pub struct OutgoingRequest<'a> {
    /// What is asked of the server.
    pub method: Method,
    /// Where it goes. A user and password in it become an `Authorization` header, unless there is one.
    pub url: &'a Url,
    /// As they are sent, but for `User-Agent` and `Accept`, which are added where they lack.
    pub headers: HeaderMap,
    /// Speak HTTP/2 from the first byte, without asking whether the server does.
    pub http2: bool,
}

impl fmt::Debug for OutgoingRequest<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().collect();
        formatter
            .debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("headers", &names)
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}
