//! What the compared programs tell the runner, one JSON value a line, and how a process looks at itself: its clocks and
//! its memory. [`rounds`] is how alternatives within one process take turns, and what a figure is.

pub mod rounds;

mod cpu_and_memory;

use serde::{Deserialize, Serialize};

pub use self::cpu_and_memory::{
    Footprint, monotonic_nanoseconds, process_cpu_nanoseconds, process_status,
};
pub use self::rounds::Series;

/// What the engines answer to `report`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EngineReport {
    /// User and system time of the engines' process since the last report, in milliseconds. On loopback the kernel does a
    /// part of the sending in the receiver's time, the more the fuller the socket's buffer is.
    pub cpu_ms: f64,
    /// The requests since the last report.
    pub requests: Vec<Received>,
}

/// One request that an engine has read to its end. Instants are in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Received {
    /// Which engine, counted from 0.
    pub engine: usize,
    /// Which of the engine's connections it came by, counted from 0.
    pub connection: u64,
    /// When the first byte of the body was there; `None` when the body is empty.
    pub first_byte_at_ns: Option<u64>,
    /// When the body had ended.
    pub end_at_ns: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// SHA-256 of the body, where it was asked for.
    pub sha256: Option<[u8; 32]>,
}

/// What one auction took, by one design, in a process of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// The auction's JSON, in bytes.
    pub auction_bytes: u64,
    /// User and system time of the whole process from the call to its end, in milliseconds.
    pub cpu_ms: f64,
    /// The largest resident size since the call, less that before it.
    pub peak_mib: f64,
    /// Threads that were there in the end and not before the call. (A thread of tokio's blocking pool stays for ten seconds
    /// after its work.)
    pub extra_threads: f64,
    /// From the call to its end, in milliseconds.
    pub wall_ms: f64,
    /// How often the auction was serialised, in whole auctions. 0 of a call that could not end well.
    pub productions: f64,
    /// When the call was made, in nanoseconds of `CLOCK_MONOTONIC`.
    pub called_at_ns: u64,
    /// Where that was asked for.
    pub watched: Option<Watched>,
}

/// What went on in the process during the call. tokio's timers are never finer than a millisecond, so that a lateness of
/// about one is no sign of anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Watched {
    /// By how much a timer was late when nothing else ran: the worst.
    pub at_rest_worst_ms: f64,
    /// During the call, by how much all but the worst hundredth were late at most.
    pub p99_ms: f64,
    /// The worst.
    pub worst_ms: f64,
    /// Milliseconds since the call, and MiB over the resident size before it.
    pub memory: Vec<(f64, f64)>,
}

/// A figure of which nothing else is known than its rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What it is, in words for people, with the unit unless it is a ratio. Targets name it.
    pub name: String,
    /// What was found.
    #[serde(flatten)]
    pub rounds: Series,
}

/// What an engine does that is not healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Reads 64 KiB of a body and then nothing more.
    Stalls,
    /// Reads at a steady rate, in MB/s.
    Reads(u32),
    /// Reads as fast as it can, and then takes so many milliseconds to answer.
    Thinks(u32),
}
