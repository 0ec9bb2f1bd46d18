use std::fs;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use comparison_records::monotonic_nanoseconds;

/// Finer, and looking would take from the process what is measured of it.
const PERIOD: Duration = Duration::from_millis(2);

/// A thread that looks at a process's resident size.
#[derive(Debug)]
pub(crate) struct MemorySampler {
    /// Its end ends the thread.
    stop: Sender<()>,
    looking: JoinHandle<Vec<(u64, u64)>>,
}

impl MemorySampler {
    pub(crate) fn start(process: u32) -> Self {
        let path = format!("/proc/{process}/status");
        let (stop, stopped) = channel();
        let looking = std::thread::spawn(move || {
            let mut samples = Vec::new();
            // A process that has ended has no such line any more.
            while let Some(kib) = resident_kib(&path) {
                samples.push((monotonic_nanoseconds(), kib));
                if stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            samples
        });
        Self { stop, looking }
    }

    /// What it saw: the time in nanoseconds of `CLOCK_MONOTONIC`, and KiB.
    pub(crate) fn stop(self) -> Vec<(u64, u64)> {
        drop(self.stop);
        self.looking.join().unwrap_or_default()
    }
}

fn resident_kib(path: &str) -> Option<u64> {
    let status = fs::read_to_string(path).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_and_one_that_is_not_there_is_not() {
        let seen = resident_kib("/proc/self/status").unwrap();
        assert!(seen > 0);
        assert_eq!(resident_kib("/proc/0/status"), None);
        assert_eq!(MemorySampler::start(0).stop(), []);
    }
}
