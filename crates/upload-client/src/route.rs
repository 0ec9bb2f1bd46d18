use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::{Authority, Scheme};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use tower_service::Service;

use super::direct_connector::{DirectConnector, DirectStream};
use super::{BoxError, ClientSettings, Proxies};

/// Connects to the host of a URI, or to the proxy that stands before it; TLS to the host itself comes on top.
#[derive(Clone, Debug)]
pub(super) struct Route {
    proxies: Proxies,
    direct: DirectConnector,
    /// To proxies that make requests in our place.
    forwarding: HttpsConnector<DirectConnector>,
    /// To proxies that pass bytes on.
    tunnelling: HttpsConnector<DirectConnector>,
    /// A proxy that makes requests itself need not speak HTTP/2.
    only_tunnels: bool,
}

pub(super) type RouteStream = MaybeHttpsStream<DirectStream>;

#[derive(Debug, thiserror::Error)]
enum RouteError {
    #[error("proxies by {scheme} are not supported")]
    Scheme { scheme: String },
    #[error("the URI names no host")]
    NoHost,
}

impl Route {
    /// Routes for HTTP/2 alone if `http2`; `tls` is for proxies that are spoken to by TLS.
    pub(super) fn new(settings: &ClientSettings, tls: &rustls::ClientConfig, http2: bool) -> Self {
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
