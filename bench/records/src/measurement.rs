use serde::{Deserialize, Serialize};

use crate::Timers;

/// What one auction took, by one design, in a process of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// The design's name.
    pub design: String,
    /// How the archive is compressed.
    pub codec: String,
    /// The auction's JSON, in bytes.
    pub auction_bytes: u64,
    /// How many engines it was sent to.
    pub solvers: usize,
    /// User and system time of the whole process from the call to its end, in milliseconds.
    pub cpu_ms: f64,
    /// Of that, system time, in milliseconds.
    pub system_ms: f64,
    /// The largest resident size since the call, less `base_rss_kib`.
    pub peak_rss_over_base_kib: u64,
    /// The resident size just before the call: runtime, client and connections are there, and the auction.
    pub base_rss_kib: u64,
    /// Threads just before the call, the main thread included.
    pub threads_at_rest: u64,
    /// Threads when the call has ended. (A thread of tokio's blocking pool stays for ten seconds after its work.)
    pub threads: u64,
    /// From the call to its end, in milliseconds.
    pub wall_ms: f64,
    /// What was put into the store, in bytes, by all uploads.
    pub archive_bytes: u64,
    /// How many objects were put into the store.
    pub archives: u64,
    /// How often the auction was serialised, in whole auctions. 0 of a call that could not end well.
    pub productions: f64,
    /// When the call was made, in nanoseconds of `CLOCK_MONOTONIC`.
    pub called_at_ns: u64,
    /// How late timers were, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timers: Option<Timers>,
}
