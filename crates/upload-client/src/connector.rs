use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::Connection as _;
use tower_service::Service;

use super::connection::Connection;
use super::route::{Route, RouteStream};
use super::{BoxError, ClientSettings};

/// Makes the connections of a client, up to where HTTP begins.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    https: HttpsConnector<Route>,
    http2: bool,
}

/// Why there is no connection: tells what happened while connecting from what the pool says of itself.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NotConnected(BoxError);

impl Connector {
    /// A connector for HTTP/2 alone, or for HTTP/1.1 and, where a server wants it by TLS, HTTP/2.
    pub(super) fn new(settings: &ClientSettings, tls: &rustls::ClientConfig, http2: bool) -> Self {
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
