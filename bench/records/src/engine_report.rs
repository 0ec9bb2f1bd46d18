use serde::{Deserialize, Serialize};

use crate::Received;

/// What the engines say when they are asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EngineReport {
    /// User and system time of the engines' process since the last report, in milliseconds. On loopback the kernel does a
    /// part of the sending in the receiver's time, the more the fuller the socket's buffer is.
    pub cpu_ms: f64,
    /// The requests since the last report.
    pub requests: Vec<Received>,
}
