use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Uri};
use http_body::Body;
use hyper_rustls::ConfigBuilderExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use url::Url;

use crate::connect::Connector;
use crate::error::{BoxError, ClientError, RequestError};
use crate::proxies::Proxies;
use crate::request_state::{RequestGuard, RequestState, TrackedBody};
use crate::response::PendingResponse;
use crate::settings::ClientSettings;
use crate::target::{basic_authorization, request_target};

/// Sends requests, each on a connection that is kept and used again; clones share the connections, and clients that are
/// [apart](Self::apart) share none.
///
/// HTTP/1.1, or HTTP/2 where a server wants it by TLS or the request says so. No redirect is followed: a redirected
/// POST would be a second request, of which the caller knows nothing. Requests must be polled in a tokio runtime with
/// I/O and time, where the connections' tasks run as well.
#[derive(Clone)]
pub(crate) struct HttpClient {
    negotiated: Client<Connector, TrackedBody>,
    http2: Client<Connector, TrackedBody>,
    proxies: Proxies,
    settings: Arc<ClientSettings>,
    tls: ClientConfig,
}

impl HttpClient {
    /// A client without connections yet. Reads the system's certificates, thus costs milliseconds and blocks.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        let settings = Arc::new(settings.clone());
        Ok(Self::with(settings, tls_config()?))
    }

    /// A client with the same settings and connections of its own. Cheap.
    ///
    /// HTTP/2 has one window for all streams of a connection: a server that does not read one of them can let the others
    /// wait. Requests that must not hold up one another go through clients that are apart.
    pub(crate) fn apart(&self) -> Self {
        Self::with(Arc::clone(&self.settings), self.tls.clone())
    }

    fn with(settings: Arc<ClientSettings>, tls: ClientConfig) -> Self {
        let client = |http2| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(settings.idle_timeout)
                .pool_max_idle_per_host(settings.idle_connections)
                .timer(TokioTimer::new())
                .http2_only(http2)
                .build(Connector::new(&settings, &tls, http2))
        };
        Self {
            negotiated: client(false),
            http2: client(true),
            proxies: settings.proxies.clone(),
            settings,
            tls,
        }
    }

    /// Sends `request` with `body`: with a `Content-Length` if its size hint is exact, else chunked.
    ///
    /// A body that fails breaks the connection or resets the stream, so that the server cannot take it for a whole one.
    ///
    /// # Errors
    /// When awaited, with what kept the head of an answer from coming.
    ///
    /// # Cancel safety
    /// Dropping what is returned gives up the request: see [`RequestGuard`].
    pub(crate) fn send<B>(&self, request: OutgoingRequest<'_>, body: B) -> PendingResponse
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let uri = match request_target(request.url) {
            Ok(uri) => uri,
            Err(source) => {
                return PendingResponse::refused(RequestError::Target {
                    source: source.into(),
                });
            }
        };
        let mut headers = request.headers;
        self.complete(&mut headers, request.url, &uri, request.http2);
        let state = Arc::new(RequestState::new(body));
        let mut outgoing = Request::new(TrackedBody::new(Arc::clone(&state)));
        *outgoing.method_mut() = request.method;
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = headers;
        state.set_capture(capture_connection(&mut outgoing));
        let client = if request.http2 {
            &self.http2
        } else {
            &self.negotiated
        };
        PendingResponse::sending(client.request(outgoing), RequestGuard::new(state))
    }

    /// Adds what every request says, where the caller has not said it.
    fn complete(&self, headers: &mut HeaderMap, url: &Url, uri: &Uri, http2: bool) {
        const AGENT: &str = concat!("upload-client/", env!("CARGO_PKG_VERSION"));

        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
        if let Some(authorization) = basic_authorization(url) {
            headers.entry(AUTHORIZATION).or_insert(authorization);
        }
        // Where there is a tunnel, only its opening concerns the proxy.
        if !http2
            && uri.scheme() == Some(&Scheme::HTTP)
            && let Some(proxy) = self.proxies.intercept(uri)
            && let Some(authorization) = proxy.basic_auth()
        {
            headers
                .entry(PROXY_AUTHORIZATION)
                .or_insert(authorization.clone());
        }
    }
}

/// The system's certificate authorities, and the process's crypto provider if it has chosen one.
fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .try_with_platform_verifier()?
        .with_no_client_auth())
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpClient")
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

/// A request without its body.
///
/// Its `Debug` shows neither the URL, which may carry a password, nor header values.
#[derive(Clone)]
pub(crate) struct OutgoingRequest<'a> {
    /// What is asked of the server.
    pub(crate) method: Method,
    /// Where it goes. A user and password in it become an `Authorization` header, unless there is one.
    pub(crate) url: &'a Url,
    /// As they are sent, but for `User-Agent` and `Accept`, which are added where they lack.
    pub(crate) headers: HeaderMap,
    /// Speak HTTP/2 from the first byte, without asking whether the server does.
    pub(crate) http2: bool,
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
