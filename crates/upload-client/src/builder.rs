use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::connect::Connector;
use crate::keep_alive::Kept;
use crate::proxy::Proxies;
use crate::service::UploadClient;
use crate::tls::Trust;

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
