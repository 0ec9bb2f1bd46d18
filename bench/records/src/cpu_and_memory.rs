//! How a process looks at itself and at others: its clocks, its threads, and the peak of its memory.

use std::fs;
use std::io::{Error, Result};

use rustix::time::{ClockId, clock_gettime};

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
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What this process takes at rest, by which it is seen what it takes afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// Its resident size, in KiB.
    pub resident_kib: u64,
    threads: u64,
}

impl Footprint {
    /// That of now. From now on the peak of the resident size counts.
    pub fn at_rest() -> Result<Self> {
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self {
            resident_kib: of_this_process("VmRSS:")?,
            threads: of_this_process("Threads:")?,
        })
    }

    /// How far the resident size has been above that, in MiB, and how many more threads there are.
    pub fn growth(&self) -> Result<(f64, f64)> {
        let kib = of_this_process("VmHWM:")?.saturating_sub(self.resident_kib);
        let threads = of_this_process("Threads:")?.saturating_sub(self.threads);
        Ok((kib as f64 / 1024.0, threads as f64))
    }
}

fn of_this_process(field: &str) -> Result<u64> {
    let found = process_status("self", field);
    found.ok_or_else(|| Error::other(format!("no {field} in the status")))
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
    fn this_process_is_seen_and_one_that_is_not_there_is_not() {
        assert!(process_status("self", "VmRSS:").unwrap() > 0);
        assert_eq!(process_status("self", "VmNothing:"), None);
        assert_eq!(process_status("0", "VmRSS:"), None);
    }
}
