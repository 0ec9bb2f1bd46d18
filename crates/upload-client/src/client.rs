use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, PROXY_AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Version};
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
/// does. So a deadline is [`timeout`](tokio::time::timeout) around both.
#[derive(Clone, Debug)]
pub struct UploadClient {
    connector: Arc<Connector>,
    kept: Arc<Kept>,
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
            let mut head = head.clone();
            let forwarder = self.connector.forwarder(&target.server);
            head.uri = target.uri(http2 || forwarder.is_some());
            complete(&mut head.headers, &target, http2, forwarder);
            let request = Request::from_parts(head, state.body(&connection.wire));
            let error = match connection.send(request).await {
                Ok(mut answer) => {
                    if connection.reused {
                        answer.extensions_mut().insert(ReusedConnection);
                    }
                    let exchange = Exchange {
                        guard,
                        connection,
                        kept: self.kept,
                        server: target.server,
                    };
                    return Ok(answer.map(|body| ResponseBody::new(body, exchange)));
                }
                Err(error) => error,
            };
            let error = connection.explain(state, Stage::Sending, error.into());
            // Where nothing was lost with a kept connection, the next one will do.
            if error.failure != Failure::Stale || !state.is_untouched() {
                return Err(error);
            }
        }
    }
}

/// Adds what every request says, where the caller has not said it.
fn complete(headers: &mut HeaderMap, target: &Target, http2: bool, forwarder: Option<&Proxy>) {
    const AGENT: &str = concat!("upload-client/", env!("CARGO_PKG_VERSION"));

    let host = target.authority.as_str().parse().ok();
    for (name, value) in [
        (USER_AGENT, Some(HeaderValue::from_static(AGENT))),
        (ACCEPT, Some(HeaderValue::from_static("*/*"))),
        (HOST, host.filter(|_| !http2)),
        (AUTHORIZATION, target.authorization.clone()),
        (
            PROXY_AUTHORIZATION,
            forwarder.and_then(|proxy| proxy.authorization.clone()),
        ),
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

/// A request that has no answer yet. It is sent while this is polled, and by its connection's task.
///
/// Ready when the head of an answer has come, even if the body has not been sent whole by then.
///
/// # Cancel safety
/// Dropping it gives up the request: see [`UploadClient`].
pub type ResponseFuture = BoxFuture<'static, Answer>;

type Answer = Result<Response<ResponseBody>, RequestError>;

/// The limits of an [`UploadClient`], and whom it trusts.
#[derive(Debug)]
#[must_use]
pub struct UploadClientBuilder {
    connector: Connector,
    idle_connections: usize,
}

impl Default for UploadClientBuilder {
    fn default() -> Self {
        let connector = Connector {
            proxies: Proxies::from_environment(),
            trust: Trust::system(),
            limit: Duration::from_secs(5),
            tcp_user_timeout: None,
            idle_timeout: Duration::from_secs(90),
        };
        Self {
            connector,
            idle_connections: 8,
        }
    }
}

impl UploadClientBuilder {
    /// How long connecting may take, up to where HTTP begins: the name's addresses, a proxy, TLS. 5 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connector.limit = limit;
        self
    }

    /// How long sent bytes may stay without an acknowledgement, and a full peer without taking any, before the kernel closes
    /// a connection: on Linux only. The kernel's own limit by default.
    pub fn tcp_user_timeout(mut self, limit: Duration) -> Self {
        self.connector.tcp_user_timeout = Some(limit);
        self
    }

    /// How long a connection is kept that nobody uses. 90 s by default.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.connector.idle_timeout = limit;
        self
    }

    /// How many connections that nobody uses are kept for each server. 8 by default.
    pub fn idle_connections(mut self, count: usize) -> Self {
        self.idle_connections = count;
        self
    }

    /// Which requests go by which proxy. By default, as [the environment](Proxies::from_environment) says.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.connector.proxies = proxies;
        self
    }

    /// Trusts the certificates in a PEM file besides the system's authorities: those of a private authority, or those of
    /// servers. The file is read when the first `https` is met.
    pub fn trust(mut self, file: impl Into<PathBuf>) -> Self {
        self.connector.trust.besides(file.into());
        self
    }

    /// Trusts the certificates in a PEM file, and no others, of the server at this host and port.
    pub fn trust_for(mut self, host: &str, port: u16, file: impl Into<PathBuf>) -> Self {
        self.connector.trust.only(host, port, file.into());
        self
    }

    /// The client. It has no connections yet, and nothing was read.
    pub fn build(self) -> UploadClient {
        UploadClient {
            connector: Arc::new(self.connector),
            kept: Arc::new(Kept::new(self.idle_connections)),
        }
    }
}
