use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::InspectFrame;
use measured_body::{MeasuredBody, Measurements, Recorder};
use serde_json::value::RawValue;
use tee_stream::Branch;
use tokio::time::Instant;

use super::answer::{AnswerError, accepted_encodings, read_answer};
use super::exchange::ExchangeLimits;
use super::next_try::NextTry;
use super::retry_schedule::retry_after;
use super::solver::Solver;
use crate::document::DocumentError;
use crate::feed::Feed;
use crate::progress::{ProgressTrack, Stage};
use upload_client::{CancellableBody, ExactLengthBody};
use upload_client::{HttpClient, OutgoingRequest, RequestError, Response};

/// One request to one engine, from its body to its answer.
pub(super) struct Attempt {
    pub(super) measurements: Arc<OnceLock<Measurements>>,
    pub(super) end: AttemptEnd,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum AttemptEnd {
    /// There was an answer, or the beginning of one.
    Answered {
        status: StatusCode,
        content: Result<Box<RawValue>, AnswerError>,
    },
    /// There was the head of an answer that does not count, and the request is made again.
    Busy {
        status: StatusCode,
        again_at: Instant,
    },
    /// There was none.
    NotAnswered(RequestError),
    /// The document's length could not be found out.
    NotCounted(DocumentError),
    /// The deadline came first, perhaps in the middle of an answer.
    Late { answered: Option<StatusCode> },
}

/// No JSON text has a length of zero.
#[derive(Debug, thiserror::Error)]
#[error("its length is said to be zero")]
struct NoBytes;

/// What all attempts of an exchange have in common.
pub(super) struct AttemptSettings<'a> {
    pub(super) client: &'a HttpClient,
    pub(super) solver: &'a Solver,
    pub(super) headers: &'a HeaderMap,
    pub(super) feed: &'a Feed,
    pub(super) limits: ExchangeLimits,
    pub(super) track: &'a ProgressTrack,
}

impl AttemptSettings<'_> {
    /// Sends the document that `branch` reads, and takes the answer, unless that does not count and there is a next try.
    ///
    /// Cancel safe: dropped half-way, the branch is freed and the connection closed.
    pub(super) async fn run<R>(
        &self,
        branch: Branch<DocumentError>,
        recorder: R,
        next: NextTry,
    ) -> Attempt
    where
        R: Recorder + Send + Sync + 'static,
    {
        let measurements = Arc::new(OnceLock::new());
        let recorded = Arc::clone(&measurements);
        let keep = move |found: &Measurements| {
            let _only_report = recorded.set(found.clone());
        };
        let answered = OnceLock::new();
        let exchange = async {
            let recorder = (keep, recorder);
            if self.solver.wants_content_length() {
                let length = match self.feed.count_length().await {
                    // Announced, it would be a whole request at once, whatever the document yields.
                    Ok(0) => return AttemptEnd::NotCounted(DocumentError::new(NoBytes)),
                    Ok(length) => length,
                    Err(error) => return AttemptEnd::NotCounted(error),
                };
                let body = MeasuredBody::new(ExactLengthBody::new(branch, length), recorder);
                let (body, owner) = CancellableBody::new(self.counted(body));
                self.exchange(body.announcing_length(), owner, next, &answered)
                    .await
            } else {
                let body = MeasuredBody::new(branch, recorder);
                let (body, owner) = CancellableBody::new(self.counted(body));
                self.exchange(body, owner, next, &answered).await
            }
        };
        let end = match tokio::time::timeout_at(self.limits.deadline, exchange).await {
            Ok(end) => end,
            Err(_elapsed) => AttemptEnd::Late {
                answered: answered.get().copied(),
            },
        };
        Attempt { measurements, end }
    }

    async fn exchange<B, O>(
        &self,
        body: B,
        owner: O,
        next: NextTry,
        answered: &OnceLock<StatusCode>,
    ) -> AttemptEnd
    where
        B: Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        self.track.set_stage(Stage::Sending);
        let request = OutgoingRequest {
            method: Method::POST,
            url: self.solver.url(),
            headers: self.request_headers(),
            http2: self.solver.speaks_http2(),
        };
        let response = match self.client.send(request, body.boxed_unsync()).await {
            Ok(response) => response,
            Err(error) => return AttemptEnd::NotAnswered(error),
        };
        self.track.set_stage(Stage::Answering);
        let status = response.head.status;
        let _first = answered.set(status);
        if is_busy(status) {
            let asked_for = retry_after(&response.head.headers, SystemTime::now());
            // Whatever else it says, it is not waited for.
            if let Some(again_at) = next.after(asked_for) {
                drop(owner);
                response.discard(again_at).await;
                return AttemptEnd::Busy { status, again_at };
            }
        }
        let Response { head, body, guard } = response;
        let body = body.map_err(|error| guard.explain(error));
        let content = read_answer(&head.headers, body, self.limits.answer_bytes).await;
        // From here on nothing more is sent, and the body's report is there.
        drop(owner);
        if content.is_ok() {
            guard.finished();
        }
        AttemptEnd::Answered { status, content }
    }

    /// Passes on a body, and counts what it hands over.
    fn counted<B>(&self, body: B) -> InspectFrame<B, impl FnMut(&Frame<Bytes>) + use<B>>
    where
        B: Body<Data = Bytes>,
    {
        let track = self.track.clone();
        body.inspect_frame(move |frame| track.add_bytes(frame.data_ref().map_or(0, Bytes::len)))
    }

    fn request_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, accepted_encodings());
        let coding = self.feed.codec().and_then(|codec| codec.content_encoding());
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        headers
    }
}

/// Whether an answer with this status says no more than that the engine cannot answer now.
fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

impl AttemptEnd {
    /// When the request is to be made again: if the engine has not begun to answer, or not with anything that counts, and
    /// there is a next try.
    pub(super) fn again_at(&self, next: NextTry) -> Option<Instant> {
        match self {
            Self::Busy { again_at, .. } => Some(*again_at),
            Self::NotAnswered(error) => match error {
                RequestError::Connect { .. }
                | RequestError::NotBegun { .. }
                | RequestError::Unheard { .. }
                | RequestError::Disconnected { .. } => next.after(None),
                _ => None,
            },
            Self::Answered { .. } | Self::NotCounted(_) | Self::Late { .. } => None,
        }
    }

    /// Whether no request was made at all, for a reason that is another request's.
    pub(super) fn was_not_begun(&self) -> bool {
        matches!(self, Self::NotAnswered(RequestError::NotBegun { .. }))
    }
}
