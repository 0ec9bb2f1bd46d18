use std::time::Duration;

use crate::proxies::Proxies;

/// What a client does with its connections.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// How long sent bytes may stay without an acknowledgement, and a full peer without taking any, before the kernel
    /// closes a connection. On Linux only; elsewhere there is no such limit.
    pub tcp_user_timeout: Option<Duration>,
    /// How long a connection is kept that nobody uses.
    pub idle_timeout: Duration,
    /// How many connections without a request are kept for each host and port.
    pub idle_connections: usize,
    /// Which requests go by which proxy.
    pub proxies: Proxies,
}

/// No limit but the kernel's, 8 connections kept for 90 seconds, and the environment's proxies.
impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            tcp_user_timeout: None,
            idle_timeout: Duration::from_secs(90),
            idle_connections: 8,
            proxies: Proxies::from_environment(),
        }
    }
}
