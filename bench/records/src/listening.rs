use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the engines listen: the first line of their process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listening {
    /// One address for each engine.
    pub addresses: Vec<SocketAddr>,
}
