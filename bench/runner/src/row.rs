use serde::Serialize;

use crate::statistics::median;
use crate::{Sample, Scenario, Size};

/// All runs of a scenario, and their medians.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was run.
    #[serde(flatten)]
    pub scenario: Scenario,
    /// The auction's JSON, in bytes.
    pub auction_bytes: u64,
    /// User and system time, in milliseconds.
    pub cpu_ms: f64,
    /// The least that any run took, which is what other load on the machine disturbs least.
    pub cpu_least_ms: f64,
    /// User and system time of the engines' process, in milliseconds.
    pub engines_cpu_ms: f64,
    /// The largest resident size over that before the call, in MiB.
    pub peak_mib: f64,
    /// Threads that were there in the end and not before the call: the most of all runs.
    pub extra_threads: u64,
    /// From the call to its end, in milliseconds.
    pub wall_ms: f64,
    /// How often the auction was serialised.
    pub productions: f64,
    /// Bytes of one archived object.
    pub archive_bytes: u64,
    /// How many objects were archived.
    pub archives: u64,
    /// From the call to the first byte at the first engine, in milliseconds.
    pub first_byte_earliest_ms: f64,
    /// The same at the engine in the middle.
    pub first_byte_median_ms: f64,
    /// The same at the last engine.
    pub first_byte_latest_ms: f64,
    /// The same in the run where it was least: when the machine had time for it at once.
    pub first_byte_latest_least_ms: f64,
    /// What was measured, in the order of the runs.
    pub samples: Vec<Sample>,
}

impl Row {
    /// Whether it is of this auction and so many solvers.
    pub(crate) fn is_of(&self, auction: Size, solvers: usize) -> bool {
        (self.scenario.auction, self.scenario.solvers) == (auction, solvers)
    }

    pub(crate) fn new(scenario: Scenario, samples: Vec<Sample>) -> Self {
        let of = |pick: fn(&Sample) -> f64| median(samples.iter().map(pick));
        let least =
            |pick: fn(&Sample) -> f64| samples.iter().map(pick).fold(f64::INFINITY, f64::min);
        let last = samples.last().map(|sample| &sample.measurement);
        let archives = last.map_or(0, |last| last.archives);
        Self {
            scenario,
            auction_bytes: last.map_or(0, |last| last.auction_bytes),
            cpu_ms: of(|sample| sample.measurement.cpu_ms),
            cpu_least_ms: least(|sample| sample.measurement.cpu_ms),
            engines_cpu_ms: of(|sample| sample.engines_cpu_ms),
            peak_mib: of(|sample| sample.measurement.peak_rss_over_base_kib as f64 / 1024.0),
            extra_threads: samples
                .iter()
                .map(|sample| &sample.measurement)
                .map(|run| run.threads.saturating_sub(run.threads_at_rest))
                .max()
                .unwrap_or_default(),
            wall_ms: of(|sample| sample.measurement.wall_ms),
            productions: of(|sample| sample.measurement.productions),
            archive_bytes: last.map_or(0, |last| last.archive_bytes / archives.max(1)),
            archives,
            first_byte_earliest_ms: of(|sample| sample.first_byte_earliest_ms),
            first_byte_median_ms: of(|sample| sample.first_byte_median_ms),
            first_byte_latest_ms: of(|sample| sample.first_byte_latest_ms),
            first_byte_latest_least_ms: least(|sample| sample.first_byte_latest_ms),
            samples,
        }
    }
}

#[cfg(test)]
impl Row {
    /// Of a large auction, with nothing but its processor time.
    pub(crate) fn large(design: crate::Design, solvers: usize, cpu_ms: f64) -> Self {
        let scenario = Scenario {
            auction: Size::Large,
            solvers,
            design,
        };
        Self {
            cpu_ms,
            ..Self::new(scenario, Vec::new())
        }
    }
}
