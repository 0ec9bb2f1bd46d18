//! What the compared programs tell the runner, one JSON value a line, and how a process looks at itself: its clocks and
//! its memory. [`rounds`] is how alternatives within one process take turns.

pub mod rounds;

use std::net::SocketAddr;
use std::ops::RangeBounds;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The time in nanoseconds by `CLOCK_MONOTONIC`, the one clock that processes of a machine share and that is never set.
/// `std::time::Instant` cannot be sent to another process.
pub fn monotonic_nanoseconds() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// User and system time of all threads of this process so far, ended ones included, in nanoseconds: the sum that
/// `getrusage` returns, but finer.
pub fn process_cpu_nanoseconds() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Both parts are never negative: these clocks count from the start of the machine, or of the process.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// A number from the status of a process (`self`, or its id), such as `VmRSS:`; kibibytes for sizes. `None` once the
/// process has ended.
pub fn process_status(process: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Makes the peak of this process's resident size start over, from what is resident now.
pub fn forget_peak() -> std::io::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5")
}

/// Where the engines listen: the first line of their process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listening {
    /// One address for each engine.
    pub addresses: Vec<SocketAddr>,
}

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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// The auction's JSON, in bytes.
    pub auction_bytes: u64,
    /// How many engines it was sent to.
    pub solvers: usize,
    /// User and system time of the whole process from the call to its end, in milliseconds.
    pub cpu_ms: f64,
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
    /// How often the auction was serialised, in whole auctions. 0 of a call that could not end well.
    pub productions: f64,
    /// When the call was made, in nanoseconds of `CLOCK_MONOTONIC`.
    pub called_at_ns: u64,
    /// How late timers were, where that was asked for.
    pub timers: Option<Timers>,
}

/// How late timers of the runtime were: when nothing else ran in it, and during the call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timers {
    /// Before the call.
    pub at_rest: Lateness,
    /// From the call to its end.
    pub meanwhile: Lateness,
}

/// By how much a timer that is due each millisecond was late, in milliseconds.
///
/// tokio's timers are never finer than a millisecond, so about one is no sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// At the tick in the middle.
    pub median_ms: f64,
    /// At all but the worst hundredth.
    pub p99_ms: f64,
    /// At the worst.
    pub most_ms: f64,
}

impl Lateness {
    /// Sums up ticks, in milliseconds and in any order. `None` of none.
    pub fn of(mut late_ms: Vec<f64>) -> Option<Self> {
        late_ms.sort_by(f64::total_cmp);
        let last = late_ms.len().checked_sub(1)?;
        let at = |share: f64| late_ms.get((last as f64 * share).round() as usize).copied();
        Some(Self {
            median_ms: at(0.5)?,
            p99_ms: at(0.99)?,
            most_ms: at(1.0)?,
        })
    }
}

/// One figure of several runs or rounds; NaN when there are none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Sums up figures in any order.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |index| figures.get(index).copied().unwrap_or(f64::NAN);
        let (count, last) = (figures.len(), figures.len().saturating_sub(1));
        Self {
            median: at(last / 2).midpoint(at(count / 2)),
            min: at(0),
            max: at(last),
        }
    }
}

/// What was measured within one process, by turns with its alternatives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MicroReport {
    /// Single figures, by which targets are judged.
    pub measures: Vec<Measure>,
    /// Lines of plots.
    pub curves: Vec<Curve>,
}

impl MicroReport {
    /// The lines of a plot.
    pub fn plot(&self, plot: &str) -> impl Iterator<Item = &Curve> {
        self.curves.iter().filter(move |curve| curve.plot == plot)
    }

    /// Megabytes that a second serialises in chunks, of an auction of so many megabytes.
    pub fn serializer_speed(&self, megabytes: impl RangeBounds<f64>) -> Option<f64> {
        let mut curves = self.plot("serializer");
        let curve = curves.find(|curve| curve.name.starts_with("chunked-writer"))?;
        let mut points = curve.points.iter();
        let point = points.find(|(size, _)| megabytes.contains(size))?;
        Some(point.1)
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What it is, by a name that does not change. It ends in what is counted, unless that is a ratio.
    pub name: String,
    /// What was found, round by round.
    #[serde(flatten)]
    pub rounds: Spread,
}

/// One line of a plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The plot that it belongs to, by a name that does not change.
    pub plot: String,
    /// What the line is.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_never_go_back() {
        for clock in [monotonic_nanoseconds, process_cpu_nanoseconds] {
            let first = clock();
            assert!(first > 0 && clock() >= first);
        }
    }

    #[test]
    fn the_middle_and_the_ends_of_odd_and_even_numbers() {
        let of = |figures: &[f64]| {
            let spread = Spread::of(figures.iter().copied());
            [spread.min, spread.median, spread.max]
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), [1.0, 2.5, 4.0]);
        assert!(of(&[]).iter().all(|figure| figure.is_nan()));
    }

    #[test]
    fn this_process_is_seen_and_one_that_is_not_there_is_not() {
        assert!(process_status("self", "VmRSS:").unwrap() > 0);
        assert_eq!(process_status("self", "VmNothing:"), None);
        assert_eq!(process_status("0", "VmRSS:"), None);
    }

    #[test]
    fn the_worst_tick_is_not_lost_among_many() {
        let mut late_ms: Vec<f64> = (0..200).map(|_| 1.0).collect();
        late_ms[3] = 50.0;
        late_ms[7] = 2.0;
        let found = Lateness::of(late_ms).unwrap();
        assert_eq!(found.median_ms, 1.0);
        assert_eq!((found.p99_ms, found.most_ms), (1.0, 50.0));
        assert_eq!(Lateness::of(Vec::new()), None);
    }
}
