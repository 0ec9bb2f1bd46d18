use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::guarded_stream::GuardedStream;
use super::{BoxError, ClientSettings};

/// Connects to the host and port of a URI, whatever its scheme.
#[derive(Clone, Debug)]
pub(super) struct DirectConnector {
    http: HttpConnector,
    forwarding: bool,
}

pub(super) type DirectStream = TokioIo<GuardedStream<TcpStream>>;

impl DirectConnector {
    pub(super) fn new(settings: &ClientSettings) -> Self {
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
    pub(super) fn forwarding(&self) -> Self {
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
