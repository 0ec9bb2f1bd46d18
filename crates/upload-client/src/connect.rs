use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::{Authority, Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::connection::Connection;
use crate::error::{BoxError, NotConnected};
use crate::guarded_stream::GuardedStream;
use crate::proxies::Proxies;
use crate::settings::ClientSettings;

/// Makes the connections of a client, up to where HTTP begins.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    https: HttpsConnector<Route>,
    http2: bool,
}

impl Connector {
    /// A connector for HTTP/2 alone, or for HTTP/1.1 and, where a server wants it by TLS, HTTP/2.
    pub(crate) fn new(settings: &ClientSettings, tls: &rustls::ClientConfig, http2: bool) -> Self {
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http();
        let builder = if http2 {
            builder.enable_http2()
        } else {
            builder.enable_all_versions()
        };
        let https = builder.wrap_connector(Route::new(settings, tls, http2));
        Self { https, http2 }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<RouteStream>;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NotConnected>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        self.https.poll_ready(context).map_err(NotConnected)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let connecting = self.https.call(destination);
        let http2 = self.http2;
        Box::pin(async move {
            let stream = connecting.await.map_err(NotConnected)?;
            let connected = stream.connected();
            if http2 || connected.is_negotiated_h2() {
                // Before hyper sees it, so that nobody takes it for a connection of one request.
                if let Some(connection) = Connection::of(&connected) {
                    connection.set_multiplexed();
                }
            }
            Ok(stream)
        })
    }
}

/// Connects to the host of a URI, or to the proxy that stands before it; TLS to the host itself comes on top.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    proxies: Proxies,
    direct: DirectConnector,
    /// To proxies that make requests in our place.
    forwarding: HttpsConnector<DirectConnector>,
    /// To proxies that pass bytes on.
    tunnelling: HttpsConnector<DirectConnector>,
    /// A proxy that makes requests itself need not speak HTTP/2.
    only_tunnels: bool,
}

pub(crate) type RouteStream = MaybeHttpsStream<DirectStream>;

#[derive(Debug, thiserror::Error)]
enum RouteError {
    #[error("proxies by {scheme} are not supported")]
    Scheme { scheme: String },
    #[error("the URI names no host")]
    NoHost,
}

impl Route {
    /// Routes for HTTP/2 alone if `http2`; `tls` is for proxies that are spoken to by TLS.
    pub(crate) fn new(settings: &ClientSettings, tls: &rustls::ClientConfig, http2: bool) -> Self {
        let direct = DirectConnector::new(settings);
        let secured = |direct| {
            hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
                .enable_http1()
                .wrap_connector(direct)
        };
        Self {
            proxies: settings.proxies.clone(),
            forwarding: secured(direct.forwarding()),
            tunnelling: secured(direct.clone()),
            direct,
            only_tunnels: http2,
        }
    }

    fn connect_by(&mut self, proxy: &Intercept, destination: &Uri) -> Result<Connecting, BoxError> {
        let scheme = proxy.uri().scheme();
        if scheme != Some(&Scheme::HTTP) && scheme != Some(&Scheme::HTTPS) {
            let scheme = proxy.uri().scheme_str().unwrap_or_default().to_owned();
            return Err(RouteError::Scheme { scheme }.into());
        }
        if !self.only_tunnels && destination.scheme() == Some(&Scheme::HTTP) {
            return Ok(self.forwarding.call(proxy.uri().clone()));
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tunnelling.clone());
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        let connecting = tunnel.call(with_port(destination)?);
        Ok(Box::pin(async move { Ok(connecting.await?) }))
    }
}

/// `destination` with its port said, since a tunnel knows no scheme to guess it from.
fn with_port(destination: &Uri) -> Result<Uri, BoxError> {
    let host = destination.host().ok_or(RouteError::NoHost)?;
    let port = match destination.port_u16() {
        Some(port) => port,
        None if destination.scheme() == Some(&Scheme::HTTP) => 80,
        None => 443,
    };
    let authority: Authority = format!("{host}:{port}").parse()?;
    Ok(Uri::from(authority))
}

type Connecting = Pin<Box<dyn Future<Output = Result<RouteStream, BoxError>> + Send>>;

impl Service<Uri> for Route {
    type Response = RouteStream;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // All connect with the same resolver, a thread pool that takes everything.
        self.direct.poll_ready(context)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.intercept(&destination) else {
            let connecting = self.direct.call(destination);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        match self.connect_by(&proxy, &destination) {
            Ok(connecting) => connecting,
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Connects to the host and port of a URI, whatever its scheme.
#[derive(Clone, Debug)]
pub(crate) struct DirectConnector {
    http: HttpConnector,
    forwarding: bool,
}

pub(crate) type DirectStream = TokioIo<GuardedStream<TcpStream>>;

impl DirectConnector {
    pub(crate) fn new(settings: &ClientSettings) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        // The last bytes of a body must not wait for the acknowledgement of those before.
        http.set_nodelay(true);
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(settings.tcp_user_timeout);
        #[cfg(not(target_os = "linux"))]
        let _no_such_option = settings.tcp_user_timeout;
        Self {
            http,
            forwarding: false,
        }
    }

    /// The same, for proxies that make requests in our place: they are sent whole URIs.
    pub(crate) fn forwarding(&self) -> Self {
        Self {
            http: self.http.clone(),
            forwarding: true,
        }
    }
}

impl Service<Uri> for DirectConnector {
    type Response = DirectStream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<DirectStream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let connecting = self.http.call(destination);
        let forwarding = self.forwarding;
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            Ok(TokioIo::new(GuardedStream::new(stream, forwarding)))
        })
    }
}
