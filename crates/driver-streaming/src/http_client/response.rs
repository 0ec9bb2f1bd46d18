use std::fmt;

use http::response::Parts;
use hyper::body::Incoming;

use super::RequestGuard;

/// The head of an answer, and its body as it arrives.
///
/// Its `Debug` shows no header values.
pub(crate) struct Response {
    /// Status, version and headers.
    pub(crate) head: Parts,
    /// Errors of its are explained by the guard.
    pub(crate) body: Incoming,
    /// Must live as long as the body is read: dropping it gives up both.
    pub(crate) guard: RequestGuard,
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.head.status)
            .field("version", &self.head.version)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
