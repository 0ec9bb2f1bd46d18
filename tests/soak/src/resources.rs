use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::lock;
use crate::violation::Violation;

/// By how much the last quarter may be above the second: this, and a tenth.
const TOLERATED: u64 = 16 << 20;

/// Before, three times as much: buffers and caches have not reached their size.
const WARM: Duration = Duration::from_secs(100);

/// With fewer samples in a quarter its median says nothing.
const ENOUGH: usize = 8;

/// The memory of the process over the time of the soak: resident bytes, one sample for each auction.
#[derive(Debug)]
pub(crate) struct Memory {
    began: Instant,
    samples: Mutex<Vec<(Duration, u64)>>,
}

/// Resident bytes at the marks of a soak.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    lasted: Duration,
    start: u64,
    /// The median of each quarter of the time.
    quarters: [Option<u64>; 4],
    end: u64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let memory = Self {
            began: Instant::now(),
            samples: Mutex::default(),
        };
        memory.sample();
        memory
    }

    /// Takes a sample; `None` where the system does not tell.
    pub(crate) fn sample(&self) -> Option<u64> {
        let bytes = resident_bytes()?;
        lock(&self.samples).push((self.began.elapsed(), bytes));
        Some(bytes)
    }

    pub(crate) fn marks(&self) -> Marks {
        let samples = lock(&self.samples);
        let (Some((_, start)), Some((whole, end))) = (samples.first(), samples.last()) else {
            return Marks::default();
        };
        let mut quarters = [const { Vec::new() }; 4];
        for (at, bytes) in samples.iter() {
            let quarter = (at.as_micros() * 4 / whole.as_micros().max(1)).min(3);
            quarters[quarter as usize].push(*bytes);
        }
        Marks {
            lasted: *whole,
            start: *start,
            quarters: quarters.map(median),
            end: *end,
        }
    }
}

impl Marks {
    pub(crate) fn check(&self) -> Result<(), Violation> {
        let tolerated = TOLERATED * if self.lasted < WARM { 3 } else { 1 };
        match self.quarters {
            [_, Some(second), _, Some(last)] if last > second + second / 10 + tolerated => Err(
                Violation::new("memory grew from the second quarter to the last")
                    .with("marks", self),
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quarters = self.quarters.map(|median| median.map(|bytes| bytes >> 20));
        let (start, end) = (self.start >> 20, self.end >> 20);
        write!(
            formatter,
            "memory: {start} MiB at the start, {quarters:?} in each quarter, {end} at the end"
        )
    }
}

fn median(mut samples: Vec<u64>) -> Option<u64> {
    if samples.len() < ENOUGH {
        return None;
    }
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied()
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// What a leak leaves behind: tasks of the pipelines' runtime, tasks of the engines' runtime, file descriptors (0 where the
/// system does not tell), and files and folders for stores.
pub(crate) fn resources(pipelines: &Handle, engines: &Handle, folder: &Path) -> [usize; 4] {
    let entries = |path: &Path| std::fs::read_dir(path).map_or(0, Iterator::count);
    [
        pipelines.metrics().num_alive_tasks(),
        engines.metrics().num_alive_tasks(),
        entries("/proc/self/fd".as_ref()),
        entries(folder),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(seconds: u64, second: u64, last: u64) -> Marks {
        Marks {
            lasted: Duration::from_secs(seconds),
            quarters: [None, Some(second), None, Some(last)],
            ..Marks::default()
        }
    }

    #[test]
    fn growth_beyond_what_is_tolerated_is_found() {
        let mebibyte = 1 << 20;
        assert!(marks(120, 100 * mebibyte, 126 * mebibyte).check().is_ok());
        assert!(marks(120, 100 * mebibyte, 127 * mebibyte).check().is_err());
        assert!(marks(120, 100 * mebibyte, 10 * mebibyte).check().is_ok());
        assert!(marks(30, 100 * mebibyte, 158 * mebibyte).check().is_ok());
        assert!(marks(30, 100 * mebibyte, 159 * mebibyte).check().is_err());
    }

    #[test]
    fn quarters_are_of_the_time_and_need_samples() {
        let memory = Memory::new();
        *lock(&memory.samples) = (0..80)
            .map(|index| (Duration::from_secs(index), index))
            .collect();
        let quarters = memory.marks().quarters;
        assert_eq!(quarters, [Some(10), Some(30), Some(50), Some(70)]);
        lock(&memory.samples).truncate(20);
        assert_eq!(memory.marks().quarters, [None; 4]);
    }
}
