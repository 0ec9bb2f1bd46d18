use serde::Serialize;

use super::stalled_sample::StalledSample;
use crate::Design;
use crate::statistics::median;

/// What those who read had of an auction when others did not read. Medians.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stalled {
    /// Which design ran.
    pub design: Design,
    /// How many engines there were.
    pub solvers: usize,
    /// How many of them read 64 KiB and then nothing more.
    pub stalled: usize,
    /// When the requests to those were given up, in milliseconds after the call.
    pub deadline_ms: f64,
    /// From the call to when the healthy engine in the middle had everything, in milliseconds.
    pub healthy_middle_ms: f64,
    /// The same at the last healthy engine.
    pub healthy_last_ms: f64,
    /// The largest resident size over that before the call, in MiB.
    pub peak_mib: f64,
    /// Threads that were there in the end and not before the call.
    pub extra_threads: u64,
    /// User and system time of the process, in milliseconds.
    pub cpu_ms: f64,
}

impl Stalled {
    pub(crate) fn of(
        design: Design,
        (solvers, stalled): (usize, usize),
        deadline_ms: f64,
        samples: &[StalledSample],
    ) -> Self {
        let of = |pick: fn(&StalledSample) -> f64| median(samples.iter().map(pick));
        let threads = samples.iter().map(|sample| sample.extra_threads);
        Self {
            design,
            solvers,
            stalled,
            deadline_ms,
            healthy_middle_ms: of(|sample| sample.middle_ms),
            healthy_last_ms: of(|sample| sample.last_ms),
            peak_mib: of(|sample| sample.peak_mib),
            extra_threads: threads.max().unwrap_or_default(),
            cpu_ms: of(|sample| sample.cpu_ms),
        }
    }
}
