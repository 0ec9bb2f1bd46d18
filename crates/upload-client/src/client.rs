use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, PROXY_AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use tower_service::Service;

use crate::connect::Connector;
use crate::connection::Kept;
use crate::error::{BoxError, Failure, RequestError, Stage};
use crate::proxy::{Proxies, Proxy};
use crate::request_body::{RequestGuard, RequestState};
use crate::response_body::{Exchange, ResponseBody};
use crate::target::Target;
use crate::tls::Trust;

/// Sends requests with large bodies. Cheap to clone; clones share the idle connections.
///
/// Each request owns its connection until its answer has been read, over HTTP/2 too: requests that share a connection share
/// its window, so an answer that nobody reads would hold up the others. Successive requests to a server use one connection.
///
/// The protocol is HTTP/1.1, or HTTP/2 where the server chooses it in the TLS handshake or the request's version is
/// [`HTTP_2`](Version::HTTP_2). A user and password in the URI become an `Authorization` header, unless there is one. The
/// client does not follow redirects: a redirected POST would be a second request without the caller's knowledge. A body
/// of exact size is announced by `Content-Length`, any other is sent chunked. A body that fails or panics breaks the
/// connection or resets the stream, so that the server cannot take it for a complete one.
///
/// Requests must be polled in a tokio runtime with I/O and time, which also runs the connections' tasks.
///
/// # Cancel safety
/// Dropping a [`ResponseFuture`], or a [`ResponseBody`] before its end, gives up the request: its body is dropped in the
/// same call, an HTTP/1.1 connection is closed, and an HTTP/2 stream is reset and its connection closed, whatever the peer
/// does. So a deadline is a [`timeout`](tokio::time::timeout) around both. Giving up waits while the body is being polled;
/// a body's own poll must not drop its request, which would wait for itself.
#[derive(Clone, Debug)]
pub struct UploadClient {
    connector: Arc<Connector>,
    kept: Arc<Kept>,
}

/// An extension of responses whose connection has served an earlier request.
///
/// A [408](http::StatusCode::REQUEST_TIMEOUT) on such a connection may mean the time for which it was idle, and then says
/// nothing about this request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReusedConnection;

impl Default for UploadClient {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl UploadClient {
    /// Sets up a client: its limits, its proxies, and whose certificates it trusts.
    pub fn builder() -> UploadClientBuilder {
        UploadClientBuilder {
            connector: Connector {
                proxies: Proxies::from_environment(),
                trust: Trust::default(),
                limit: Duration::from_secs(5),
                tcp_user_timeout: None,
                idle_timeout: Duration::from_secs(90),
            },
            idle_connections: 8,
        }
    }

    async fn send(self, head: Parts, guard: RequestGuard) -> Answer {
        let target = Target::new(&head.uri, head.version == Version::HTTP_2)
            .map_err(|source| RequestError::before(Failure::Target, source))?;
        let state = &guard.0;
        loop {
            let mut connection = match self.kept.take(&target.server).await {
                Some(connection) => connection,
                None => self.connector.connect(&target).await?,
            };
            let http2 = connection.http2;
            let mut parts = head.clone();
            let forwarder = self.connector.forwarder(&target.server);
            parts.uri = target.uri(http2 || forwarder.is_some());
            parts.version = if http2 {
                Version::HTTP_2
            } else {
                Version::HTTP_11
            };
            complete(&mut parts.headers, &target, http2, forwarder);
            let request = Request::from_parts(parts, state.body(&connection.wire));
            let error = match connection.send(request).await {
                Ok(mut answer) => {
                    if connection.reused {
                        answer.extensions_mut().insert(ReusedConnection);
                    }
                    // After a 408, the next request needs another connection (RFC 9110, 15.5.9).
                    let may_be_kept = answer.status() != StatusCode::REQUEST_TIMEOUT;
                    let exchange = Exchange {
                        guard,
                        connection,
                        kept: may_be_kept.then_some(self.kept),
                    };
                    return Ok(answer.map(|body| ResponseBody::new(body, exchange)));
                }
                Err(error) => error,
            };
            let error = connection.explain(state, Stage::Sending, error.into());
            // If nothing was lost with a kept connection, the next one will do. A request without a body may have been sent
            // whole although no body was asked for.
            let is_safe = error.is_safe_to_repeat() || head.method.is_idempotent();
            if error.failure != Failure::Stale || !state.is_untouched() || !is_safe {
                return Err(error);
            }
        }
    }
}

/// Adds the headers that every request has, unless the caller has set them.
fn complete(headers: &mut HeaderMap, target: &Target, http2: bool, forwarder: Option<&Proxy>) {
    const AGENT: &str = concat!("upload-client/", env!("CARGO_PKG_VERSION"));

    let host = target.authority.as_str().parse().ok();
    let of_proxy = forwarder.and_then(|proxy| proxy.authorization.clone());
    for (name, value) in [
        (USER_AGENT, Some(HeaderValue::from_static(AGENT))),
        (ACCEPT, Some(HeaderValue::from_static("*/*"))),
        (HOST, host.filter(|_| !http2)),
        (AUTHORIZATION, target.authorization.clone()),
        (PROXY_AUTHORIZATION, of_proxy),
    ] {
        if let Some(value) = value {
            headers.entry(name).or_insert(value);
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
        Box::pin(self.clone().send(head, guard))
    }
}

/// A request that has no answer yet.
///
/// Ready when the head of an answer has arrived, even if the request's body has not been sent to its end.
///
/// # Cancel safety
/// Dropping it gives up the request: see [`UploadClient`].
pub type ResponseFuture = BoxFuture<'static, Answer>;

type Answer = Result<Response<ResponseBody>, RequestError>;

/// Configures an [`UploadClient`].
#[derive(Debug)]
#[must_use]
pub struct UploadClientBuilder {
    connector: Connector,
    idle_connections: usize,
}

impl UploadClientBuilder {
    /// Limits the time for a connection: resolving the name, connecting, a proxy's tunnel and TLS. 5 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connector.limit = limit;
        self
    }

    /// Limits how long sent bytes may stay unacknowledged, and the peer's window full, before the kernel closes the
    /// connection. On Linux only. The kernel's own limit by default. Once a request is given up, the limit is 5 s.
    pub fn tcp_user_timeout(mut self, limit: Duration) -> Self {
        self.connector.tcp_user_timeout = Some(limit);
        self
    }

    /// Limits how long an idle connection is kept. 90 s by default.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.connector.idle_timeout = limit;
        self
    }

    /// Limits how many idle connections are kept for each server. 8 by default.
    pub fn idle_connections(mut self, count: usize) -> Self {
        self.idle_connections = count;
        self
    }

    /// Sets the proxies. By default, those of [the environment](Proxies::from_environment).
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.connector.proxies = proxies;
        self
    }

    /// Trusts the certificates in a PEM file, of authorities or of servers, in addition to the system's authorities. Can
    /// be called for several files. The file is read at the first `https` request.
    pub fn trust(mut self, file: impl Into<PathBuf>) -> Self {
        self.connector.trust.besides(file.into());
        self
    }

    /// For the server at this host and port, trusts the certificates in a PEM file and no others.
    pub fn trust_for(mut self, host: &str, port: u16, file: impl Into<PathBuf>) -> Self {
        self.connector.trust.only(host, port, file.into());
        self
    }

    /// Builds the client. Neither connects nor reads files.
    pub fn build(self) -> UploadClient {
        UploadClient {
            connector: Arc::new(self.connector),
            kept: Arc::new(Kept::new(self.idle_connections)),
        }
    }
}
