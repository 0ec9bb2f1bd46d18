//! What a request to a solver says, apart from its body.

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
use tokio::time::{Instant, sleep_until};

use crate::answer::accepted_encodings;
use crate::auction_id::AuctionId;
use crate::builder::Setup;
use crate::document::DocumentError;
use crate::encoding::content_encoding;
use crate::request_body::{RequestBody, RequestRecord};
use crate::retry::random;
use crate::sharing::DocumentSource;
use crate::solver::{RESERVED, Solver};
use crate::views::Later;

/// What requests say of who makes them, unless the solver's headers do.
const AGENT: &str = concat!("driver-streaming/", env!("CARGO_PKG_VERSION"));

/// What is sent to one solver, in as many attempts as it takes.
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
    /// Whose limit that is.
    pub(crate) limit: &'static str,
    /// What brings it forward.
    earlier: Option<Later<std::time::Instant>>,
}

impl Deadline {
    /// In a run that has `started`: the solver's `own` limit if that ends before what is `for_all`.
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

    /// The deadline, as far as it is known yet.
    pub(crate) fn known(&self) -> Instant {
        let earlier = self.earlier.as_ref().and_then(Shared::peek);
        let earlier = earlier.copied().flatten().map(Instant::from_std);
        earlier.map_or(self.at, |earlier| earlier.min(self.at))
    }

    /// Waits until it has passed, also when it is brought forward meanwhile.
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

/// A solver wants the document's length, which could not be found out.
#[derive(Debug, thiserror::Error)]
#[error("the length of the document cannot be counted")]
pub(crate) struct NotCounted(#[source] DocumentError);

impl SolverRequest {
    pub(crate) fn solver(&self) -> &Solver {
        &self.setup.settings.solvers[self.index]
    }

    /// One more branch of the document. Those that are there before the first is polled share one production.
    pub(crate) fn branch(&self) -> Branch<DocumentError> {
        let (solver, record) = (self.solver(), Arc::clone(&self.record));
        let on_end = move |end: BranchEnd| {
            let mut known = record.known();
            known.waited += end.waited;
            known.waited_for += end.waited_for;
        };
        self.source.branch(solver.name(), solver.lag_policy, on_end)
    }

    /// The document's length, if the solver wants to be told it.
    pub(crate) async fn announced_length(&self) -> Result<Option<u64>, NotCounted> {
        if !self.solver().content_length {
            return Ok(None);
        }
        match self.source.count_length().await.map_err(NotCounted)? {
            // Announced, it would be a whole request at once, whatever the document yields; and it is no JSON.
            0 => Err(NotCounted(DocumentError::new(
                "its length is said to be zero",
            ))),
            length => Ok(Some(length)),
        }
    }

    /// A request whose body is what `branch` yields.
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

    /// How the next request is encoded: its `Content-Encoding`.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        content_encoding(self.source.codec()?)
    }
}

/// What the requests of one run say to every solver: what the `caller` says, and as `X-REQUEST-ID`, unless that says it, the
/// auction's id, else one that is made up.
pub(crate) fn headers_of_run(id: Option<&AuctionId>, caller: &HeaderMap) -> HeaderMap {
    let made_up = || HeaderValue::from_str(&uuid());
    let id = id
        .map_or_else(made_up, |id| HeaderValue::from_str(id.as_str()))
        // Neither can be: ids of auctions and uuids are made of letters, digits and `._-`.
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
    let (version, variant) = (0x4000 | high & 0x0fff, 0x8000 | low >> 48 & 0x3fff);
    let (first, second, last) = (high >> 32, high >> 16 & 0xffff, low & 0xffff_ffff_ffff);
    format!("{first:08x}-{second:04x}-{version:04x}-{variant:04x}-{last:012x}")
}

#[cfg(test)]
mod tests {
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
        let (one, other) = (uuid(), uuid());
        assert_ne!(one, other);
        for uuid in [one, other] {
            let groups: Vec<_> = uuid.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12]);
            assert_eq!(uuid.as_bytes()[14], b'4');
            assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
        }
    }
}
