use std::fmt;
use std::time::Duration;

use http::response::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::RequestGuard;

/// How much of an answer that nobody wants is read, in bytes, so that its connection can be used again: more than servers
/// say that are busy.
const DISCARDED: usize = 64 * 1024;

/// And for how long: enough for what is on its way. A new connection costs less than to wait longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// The head of an answer, and its body as it arrives.
///
/// Its `Debug` shows no header values.
pub struct Response {
    /// Status, version and headers.
    pub head: Parts,
    /// Errors of its are explained by the guard.
    pub body: Incoming,
    /// Must live as long as the body is read: dropping it gives up both.
    pub guard: RequestGuard,
}

impl Response {
    /// Lets go of an answer that nobody wants, before `latest`.
    ///
    /// If the request was sent whole, the rest of a short answer that comes soon is read, and the connection is kept. Else
    /// the request is given up. Cancel safe: dropped half-way, it is given up.
    pub async fn discard(self, latest: Instant) {
        let Self {
            mut body, guard, ..
        } = self;
        if !guard.request_is_whole() {
            return;
        }
        let reading = async {
            let mut left = DISCARDED;
            while let Some(frame) = body.frame().await {
                let length = frame.ok()?.data_ref().map_or(0, bytes::Bytes::len);
                left = left.checked_sub(length)?;
            }
            Some(())
        };
        let latest = latest.min(Instant::now() + PATIENCE);
        if let Ok(Some(())) = timeout_at(latest, reading).await {
            guard.finished();
        }
    }
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
