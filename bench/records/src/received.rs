use serde::{Deserialize, Serialize};

/// One request that an engine has read to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Received {
    /// Which engine, counted from 0.
    pub engine: usize,
    /// Which of the engine's connections it came by, counted from 0.
    pub connection: u64,
    /// When the first byte of the body was there, in nanoseconds of `CLOCK_MONOTONIC`; `None` when the body is empty.
    pub first_byte_at_ns: Option<u64>,
    /// When the body had ended, by the same clock.
    pub end_at_ns: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// SHA-256 of the body in hex, where it was asked for.
    pub sha256: Option<String>,
}
