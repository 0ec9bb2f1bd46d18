use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, PROXY_AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::sleep;
use tower_service::Service;

use crate::builder::UploadClientBuilder;
use crate::connect::Connector;
use crate::connection::Connection;
use crate::early_answer::Wire;
use crate::error::{BoxError, Cause, RequestError, Sent, Stage};
use crate::keep_alive::Kept;
use crate::request_body::{RequestGuard, RequestState};
use crate::response_body::{Exchange, ResponseBody};
use crate::target::Target;

/// Sends requests with large bodies. Cheap to clone; clones share the connections that nobody uses.
///
/// Each request owns its connection while it is under way, over HTTP/2 too: what requests on one connection share is a
/// window, and one that is not read would hold up the others. Requests to the same server one after another use one
/// connection.
///
/// HTTP/1.1, or HTTP/2 where a server wants it by TLS, or from the first byte where the request's version is
/// [`HTTP_2`](Version::HTTP_2). A user and password in the URI become an `Authorization` header, unless there is one. No
/// redirect is followed: a redirected POST would be a second request, of which the caller knows nothing. A body of exact
/// size is announced by `Content-Length`, any other is sent chunked; one that fails breaks the connection or resets the
/// stream, so that the server cannot take it for a whole one.
///
/// Requests must be polled in a tokio runtime with I/O and time, where the connections' tasks run as well.
///
/// # Cancel safety
/// Dropping a [`ResponseFuture`], or a [`ResponseBody`] before its end, gives up the request: its body is dropped in the
/// same call, an HTTP/1.1 connection is closed, and an HTTP/2 stream is reset and its connection closed, whatever the peer
/// does. So does a [deadline](UploadClientBuilder::deadline).
#[derive(Clone, Debug)]
pub struct UploadClient {
    pub(crate) connector: Arc<Connector>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) deadline: Option<Duration>,
}

/// Says, among the extensions of a response, that its connection had served another request before.
///
/// A [408](http::StatusCode::REQUEST_TIMEOUT) by such a connection may be of the time in which it was kept, and then says
/// nothing of this request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReusedConnection;

impl Default for UploadClient {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl UploadClient {
    /// A client to be set up.
    pub fn builder() -> UploadClientBuilder {
        UploadClientBuilder::default()
    }

    async fn send(
        self,
        head: Parts,
        guard: RequestGuard,
    ) -> Result<Response<ResponseBody>, RequestError> {
        let target = Target::new(&head.uri, head.version == Version::HTTP_2)?;
        let mut under_way = None;
        let mut deadline = self.deadline.map(|limit| Box::pin(sleep(limit)));
        let exchange = self.exchange(&head, &target, &guard.0, &mut under_way);
        let exchanged = match &mut deadline {
            None => Some(exchange.await),
            Some(deadline) => match select(pin!(exchange), deadline).await {
                Either::Left((exchanged, _)) => Some(exchanged),
                Either::Right(_late) => None,
            },
        };
        let Some(exchanged) = exchanged else {
            let (stage, sent) = match under_way {
                None => (Stage::Connecting, Sent::Nothing),
                Some((wire, http2)) => (Stage::Sending, guard.0.sent(&wire, http2)),
            };
            return Err(RequestError::Deadline { stage, sent });
        };
        let (answer, connection) = exchanged?;
        let exchange = Exchange {
            guard,
            connection,
            kept: self.kept,
            server: target.server,
        };
        Ok(answer.map(|body| ResponseBody::new(body, exchange, deadline)))
    }

    /// Sends a request by a connection that was kept, or by a new one: by which, is in `under_way`.
    async fn exchange(
        &self,
        head: &Parts,
        target: &Target,
        state: &Arc<RequestState>,
        under_way: &mut Option<(Arc<Wire>, bool)>,
    ) -> Result<(Response<Incoming>, Connection), RequestError> {
        loop {
            let mut connection = match self.kept.take(&target.server).await {
                Some(connection) => connection,
                None => self.connector.connect(target).await?,
            };
            let http2 = connection.is_http2();
            *under_way = Some((Arc::clone(connection.wire()), http2));
            let mut head = head.clone();
            head.uri = target.uri(http2 || connection.is_forwarding());
            self.complete(&mut head.headers, target, http2);
            let request = Request::from_parts(head, state.body(connection.wire()));
            match connection.send(request).await {
                Ok(mut answer) => {
                    if connection.is_reused() {
                        answer.extensions_mut().insert(ReusedConnection);
                    }
                    return Ok((answer, connection));
                }
                Err(error) => {
                    let (cause, stage) = (Cause::of(&error), Stage::Sending);
                    match connection.failure(state, cause, stage, error.into()) {
                        // Nothing was lost with it.
                        RequestError::Stale { .. } if state.is_untouched() => *under_way = None,
                        error => return Err(error),
                    }
                }
            }
        }
    }

    /// Adds what every request says, where the caller has not said it.
    fn complete(&self, headers: &mut HeaderMap, target: &Target, http2: bool) {
        const AGENT: &str = concat!("upload-client/", env!("CARGO_PKG_VERSION"));

        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
        if !http2 && let Ok(host) = HeaderValue::from_str(target.authority.as_str()) {
            headers.entry(HOST).or_insert(host);
        }
        if let Some(authorization) = &target.authorization {
            headers
                .entry(AUTHORIZATION)
                .or_insert_with(|| authorization.clone());
        }
        if let Some(proxy) = self.connector.forwarder(&target.server)
            && let Some(authorization) = proxy.authorization()
        {
            headers
                .entry(PROXY_AUTHORIZATION)
                .or_insert_with(|| authorization.clone());
        }
    }
}

impl<B> Service<Request<B>> for UploadClient
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = RequestError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let (head, body) = request.into_parts();
        let guard = RequestGuard(RequestState::new(body));
        let sending = self.clone().send(head, guard);
        ResponseFuture(Box::pin(sending))
    }
}

/// A request that has no answer yet. It is sent while this is polled, and by its connection's task.
///
/// Ready when the head of an answer has come, even if the body has not been sent whole by then.
///
/// # Cancel safety
/// Dropping it gives up the request: see [`UploadClient`].
#[must_use = "nothing is sent unless it is polled"]
pub struct ResponseFuture(
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, RequestError>> + Send>>,
);

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseFuture")
            .finish_non_exhaustive()
    }
}
