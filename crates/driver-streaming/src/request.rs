//! The head of a request to a solver, and its deadline.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Shared, select};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, Request, Version};
use tee_stream::{Branch, BranchEnd};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until};

use crate::auction_id::AuctionId;
use crate::builder::Setup;
use crate::content_coding::accepted_encodings;
use crate::document::DocumentError;
use crate::encoding::content_encoding;
use crate::request_body::{RequestBody, RequestRecord};
use crate::retry::random;
use crate::sharing::DocumentSource;
use crate::solver::{RESERVED, Solver};
use crate::views::Later;

/// The `User-Agent` of requests, unless the solver's headers set it.
const AGENT: &str = concat!("driver-streaming/", env!("CARGO_PKG_VERSION"));

/// What is sent to one solver, in any number of attempts.
pub(crate) struct SolverRequest {
    pub(crate) setup: Arc<Setup>,
    /// Which of its solvers.
    pub(crate) index: usize,
    pub(crate) source: DocumentSource,
    pub(crate) headers: HeaderMap,
    pub(crate) started: Instant,
    pub(crate) deadline: Arc<Deadline>,
    pub(crate) answer_bytes: usize,
    pub(crate) record: Arc<RequestRecord>,
}

/// When a solver must have answered.
pub(crate) struct Deadline {
    at: Instant,
    /// Which limit that is, in words.
    pub(crate) limit: &'static str,
    /// What brings it forward.
    earlier: Option<Later<std::time::Instant>>,
}

impl Deadline {
    /// The solver's `own` limit, from when the run `started`, if that ends before the deadline `for_all`.
    pub(crate) fn new(
        started: Instant,
        for_all: Instant,
        own: Option<Duration>,
        earlier: Option<Later<std::time::Instant>>,
    ) -> Self {
        let (at, limit) = match own.and_then(|own| started.checked_add(own)) {
            Some(own) if own < for_all => (own, "the solver's own timeout"),
            _ => (for_all, "the deadline"),
        };
        Self { at, limit, earlier }
    }

    /// Returns the deadline that is known so far.
    pub(crate) fn known(&self) -> Instant {
        let earlier = self.earlier.as_ref().and_then(Shared::peek);
        let earlier = earlier.copied().flatten().map(Instant::from_std);
        earlier.map_or(self.at, |earlier| earlier.min(self.at))
    }

    /// Waits until it has passed, even if it is brought forward meanwhile.
    pub(crate) async fn passed(&self) {
        let at_last = pin!(sleep_until(self.at));
        let earlier = pin!(async {
            if let Some(earlier) = self.earlier.clone() {
                earlier.await;
                sleep_until(self.known()).await;
            } else {
                pending::<()>().await;
            }
        });
        select(earlier, at_last).await;
    }
}

/// The document's length could not be counted, for a solver with a `Content-Length`.
#[derive(Debug, thiserror::Error)]
#[error("the length of the document cannot be counted")]
pub(crate) struct NotCounted(#[source] DocumentError);

impl SolverRequest {
    pub(crate) fn solver(&self) -> &Solver {
        &self.setup.settings.solvers[self.index]
    }

    /// Adds a branch of the document, which drops `sending` when it ends. Branches that exist before the first is polled share
    /// one production.
    pub(crate) fn branch(&self, sending: Option<Sender<Infallible>>) -> Branch<DocumentError> {
        let (solver, record) = (self.solver(), Arc::clone(&self.record));
        let on_end = move |end: BranchEnd| {
            let mut known = record.known();
            known.waited += end.waited;
            known.waited_for += end.waited_for;
            drop(sending);
        };
        self.source.branch(solver.name(), solver.lag_policy, on_end)
    }

    /// Counts the document's length, if the solver has a `Content-Length`.
    pub(crate) async fn announced_length(&self) -> Result<Option<u64>, NotCounted> {
        if !self.solver().content_length {
            return Ok(None);
        }
        match self.source.count_length().await.map_err(NotCounted)? {
            // The request would be complete at once, whatever the document yields, and nothing is no JSON.
            0 => Err(NotCounted(DocumentError::new("its length is zero"))),
            length => Ok(Some(length)),
        }
    }

    /// Creates a request whose body is what `branch` yields.
    pub(crate) fn request(
        &self,
        branch: Branch<DocumentError>,
        length: Option<u64>,
    ) -> Request<RequestBody> {
        let record = Arc::clone(&self.record);
        let mut request = Request::new(RequestBody::new(branch, length, record));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.solver().endpoint.uri.clone();
        if self.solver().http2 {
            *request.version_mut() = Version::HTTP_2;
        }
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(self.headers.clone());
        headers.extend(self.solver().headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, accepted_encodings());
        if let Some(coding) = self.encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        request
    }

    /// Returns the `Content-Encoding` of the next request.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        content_encoding(self.source.codec()?)
    }
}

/// Returns the headers of all requests of a run: those of the `caller`, and an `X-REQUEST-ID` if they have none: the auction's
/// id, or a UUID.
pub(crate) fn headers_of_run(id: Option<&AuctionId>, caller: &HeaderMap) -> HeaderMap {
    let made_up = || HeaderValue::from_str(&uuid());
    let id = id
        .map_or_else(made_up, |id| HeaderValue::from_str(id.as_str()))
        // Cannot happen: auction ids and UUIDs consist of letters, digits and `._-`.
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    let mut headers = HeaderMap::from_iter([(HeaderName::from_static("x-request-id"), id)]);
    headers.extend(caller.clone());
    for name in RESERVED {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        value.set_sensitive(true);
    }
    headers
}

/// A random UUID (RFC 9562, 5.4).
fn uuid() -> String {
    let (high, low) = (random(), random());
    let (version, variant) = (0x4000 + (high & 0x0fff), 0x8000 + (low >> 48 & 0x3fff));
    let (first, second, last) = (high >> 32, high >> 16 & 0xffff, low & 0xffff_ffff_ffff);
    format!("{first:08x}-{second:04x}-{version:04x}-{variant:04x}-{last:012x}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn request_ids_are_the_auctions_or_new_ones() {
        let request_id = |id| headers_of_run(id, &HeaderMap::new())["x-request-id"].clone();
        let id: AuctionId = "8339027".parse().unwrap();
        assert_eq!(request_id(Some(&id)), "8339027");
        let (one, other) = (request_id(None), request_id(None));
        assert_eq!(one.len(), 36);
        assert_ne!(one, other);
        let caller = HeaderMap::from_iter([
            (
                HeaderName::from_static("x-request-id"),
                "mine".parse().unwrap(),
            ),
            (CONTENT_TYPE, "text/plain".parse().unwrap()),
        ]);
        let headers = headers_of_run(Some(&id), &caller);
        assert_eq!(headers["x-request-id"], "mine");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let mut groups: [HashSet<String>; 5] = Default::default();
        for uuid in std::iter::repeat_with(uuid).take(100) {
            let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            assert_eq!(uuid.as_bytes()[14], b'4');
            assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
            for (known, group) in groups.iter_mut().zip(uuid.split('-')) {
                known.insert(group.to_owned());
            }
        }
        assert!(groups.iter().all(|known| known.len() > 50), "{groups:?}");
    }
}
