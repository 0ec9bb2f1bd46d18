use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower_service::Service;
use url::Url;

use crate::client::{HttpClient, OutgoingRequest};
use crate::error::{BoxError, ClientError, RequestError, SendBytesError};
use crate::request_state::RequestGuard;
use crate::response::PendingResponse;
use crate::settings::ClientSettings;

/// Sends requests with large bodies. Cheap to clone; clones share their connections.
///
/// Each request has connections that no other uses at the same time: over HTTP/2, what two requests share is a window,
/// and one that is not read would hold up the other. Requests to the same server one after another use one connection.
///
/// HTTP/1.1, or HTTP/2 where a server wants it by TLS, or from the first byte where the request's version is
/// [`HTTP_2`](Version::HTTP_2). A user and password in the URI become an `Authorization` header, unless there is one. No
/// redirect is followed. A body of exact size is announced by `Content-Length`, any other is sent chunked; one that fails
/// breaks the connection or resets the stream, so that the server cannot take it for a whole one.
///
/// Requests must be polled in a tokio runtime with I/O and time, where the connections' tasks run as well.
///
/// # Cancel safety
/// Dropping a [`ResponseFuture`], or a [`ResponseBody`] before its end, gives up the request: its body is dropped in the
/// same call, an HTTP/1.1 connection is closed and an HTTP/2 stream is reset, whatever the peer does.
#[derive(Clone)]
pub struct UploadClient {
    pattern: HttpClient,
    unused: Arc<Mutex<Unused>>,
}

/// The clients that nobody uses, by the server that they have connections to.
type Unused = HashMap<Server, Vec<HttpClient>>;
type Server = (Option<Scheme>, Option<Authority>);

impl UploadClient {
    /// A client without connections yet. Reads the system's certificates, thus costs milliseconds and blocks.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        Ok(Self {
            pattern: HttpClient::new(settings)?,
            unused: Arc::default(),
        })
    }

    /// Sends a request that is small, and reads an answer of up to `limit` bytes.
    ///
    /// # Errors
    /// When there is no answer, or no whole one, or a larger one.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the request.
    pub async fn send_bytes(
        &self,
        request: Request<Bytes>,
        limit: usize,
    ) -> Result<http::Response<Bytes>, SendBytesError> {
        let (head, mut body) = self.send(request.map(Full::new)).await?.into_parts();
        let mut answer = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            if data.len() > limit - answer.len() {
                return Err(SendBytesError::TooLarge { limit });
            }
            answer.extend_from_slice(&data);
        }
        Ok(http::Response::from_parts(head, answer.into()))
    }

    fn send<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let client = self.lend(&head.uri);
        let pending = match Url::parse(&head.uri.to_string()) {
            Ok(url) => {
                let outgoing = OutgoingRequest {
                    method: head.method,
                    url: &url,
                    headers: head.headers,
                    http2: head.version == Version::HTTP_2,
                };
                client.client.send(outgoing, body)
            }
            Err(source) => PendingResponse::refused(RequestError::Target {
                source: source.into(),
            }),
        };
        ResponseFuture {
            pending,
            client: Some(client),
        }
    }

    /// A client that nobody else uses until it is dropped.
    fn lend(&self, uri: &Uri) -> LentClient {
        let server = (uri.scheme().cloned(), uri.authority().cloned());
        let unused = lock(&self.unused).get_mut(&server).and_then(Vec::pop);
        LentClient {
            client: unused.unwrap_or_else(|| self.pattern.apart()),
            server,
            unused: Arc::clone(&self.unused),
        }
    }
}

impl<B> Service<Request<B>> for UploadClient
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<ResponseBody>;
    type Error = RequestError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.send(request)
    }
}

/// Without the servers, whose names may carry passwords.
impl fmt::Debug for UploadClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UploadClient")
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}

/// A client that is given back on drop. The one that was given back last is lent first.
struct LentClient {
    client: HttpClient,
    server: Server,
    unused: Arc<Mutex<Unused>>,
}

impl Drop for LentClient {
    fn drop(&mut self) {
        let mut unused = lock(&self.unused);
        let clients = unused.entry(self.server.clone()).or_default();
        clients.push(self.client.clone());
    }
}

fn lock(clients: &Mutex<Unused>) -> MutexGuard<'_, Unused> {
    // No code of others runs while it is held.
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that has no answer yet. It is sent while this is polled, and by its connection's task.
///
/// Ready when the head of an answer has come, even if the body has not been sent whole by then.
///
/// # Cancel safety
/// Dropping it gives up the request: see [`UploadClient`].
///
/// # Panics
/// When polled after it was ready.
#[must_use = "nothing is sent unless it is polled"]
pub struct ResponseFuture {
    pending: PendingResponse,
    client: Option<LentClient>,
}

impl Future for ResponseFuture {
    type Output = Result<http::Response<ResponseBody>, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.pending).poll(context))?;
        let body = ResponseBody {
            inner: response.body,
            guard: Some(response.guard),
            _client: self.client.take(),
        };
        Poll::Ready(Ok(http::Response::from_parts(response.head, body)))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pending.fmt(formatter)
    }
}

/// The body of an answer, as it arrives.
///
/// Once it has been read to its end, its connection may serve another request, if the whole request was sent by then.
///
/// # Cancel safety
/// Dropping it before its end gives up the request: see [`UploadClient`].
pub struct ResponseBody {
    inner: Incoming,
    /// `None` once the answer has come to its end.
    guard: Option<RequestGuard>,
    /// Given back after the guard is gone.
    _client: Option<LentClient>,
}

impl ResponseBody {
    fn finish(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.finished();
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for ResponseBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let error = match &self.guard {
                    Some(guard) => guard.explain(error),
                    None => RequestError::from_answer(error, None),
                };
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                self.finish();
                return Poll::Ready(None);
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A reader that trusts in the announced length, or in there being no body, need not poll for the end.
impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.inner.is_end_stream() {
            self.finish();
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseBody")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
