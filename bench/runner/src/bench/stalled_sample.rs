use comparison_records::{EngineReport, Measurement};

use crate::Result;
use crate::sample::auction_at;
use crate::statistics::median;

/// One run in which the last engines stopped reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StalledSample {
    /// From the call to when the healthy engine in the middle had everything, in milliseconds.
    pub(crate) middle_ms: f64,
    /// The same at the last healthy engine.
    pub(crate) last_ms: f64,
    /// The largest resident size over that before the call, in MiB.
    pub(crate) peak_mib: f64,
    /// Threads that were there in the end and not before the call.
    pub(crate) extra_threads: u64,
    /// User and system time of the process, in milliseconds.
    pub(crate) cpu_ms: f64,
}

impl StalledSample {
    /// # Errors
    /// When a healthy engine was not sent the whole auction, or a stalled one was, or when it was not the deadline that
    /// ended what stalled.
    pub(crate) fn new(
        measurement: &Measurement,
        report: &EngineReport,
        stalled: usize,
        deadline_ms: f64,
    ) -> Result<Self> {
        let healthy = measurement.solvers.saturating_sub(stalled);
        let mut ends = Vec::new();
        for engine in 0..healthy {
            let auction = auction_at(engine, measurement, report)?;
            ends.push((auction.end_at_ns as f64 - measurement.called_at_ns as f64) / 1e6);
        }
        let auctions = report.requests.iter().filter(|request| {
            request.engine >= healthy && request.bytes >= measurement.auction_bytes
        });
        if auctions.count() > 0 {
            return Err("a stalled engine has read the auction".into());
        }
        if stalled > 0 && measurement.wall_ms < deadline_ms {
            return Err("the call ended before those that stall were given up".into());
        }
        Ok(Self {
            middle_ms: median(ends.iter().copied()),
            last_ms: ends.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            peak_mib: measurement.peak_rss_over_base_kib as f64 / 1024.0,
            extra_threads: measurement
                .threads
                .saturating_sub(measurement.threads_at_rest),
            cpu_ms: measurement.cpu_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::tests::{measurement, received, report};

    #[test]
    fn the_healthy_must_have_everything_and_the_stalled_must_not() {
        let healthy = [received(0, 0, 7, 1), received(0, 0, 100, 9_000_000)];
        let found = |requests: &[_], stalled, wall_ms| {
            let mut measurement = measurement();
            measurement.wall_ms = wall_ms;
            StalledSample::new(&measurement, &report(requests), stalled, 50.0)
        };
        let sample = found(&healthy, 1, 50.0).unwrap();
        assert_eq!((sample.middle_ms, sample.last_ms), (4.0, 4.0));
        assert!(found(&healthy, 1, 49.0).is_err());
        assert!(found(&healthy, 0, 50.0).is_err());
        let all = [healthy.to_vec(), vec![received(1, 0, 100, 2)]].concat();
        assert!(found(&all, 1, 50.0).is_err());
    }
}
