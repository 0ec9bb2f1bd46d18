use serde::Serialize;

use super::spread::Spread;
use crate::Row;

/// A scenario as the report has it. Figures without a spread are medians.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioRecord {
    /// Its name: `large_32_solvers`.
    pub name: String,
    /// Which design ran.
    pub design: String,
    /// The auction's JSON, in bytes.
    pub size_bytes: u64,
    /// How many engines it was sent to.
    pub solvers: usize,
    /// How the archive is compressed.
    pub codec: String,
    /// How often it ran.
    pub runs: usize,
    /// User and system time of the process, in milliseconds.
    pub cpu_ms: Spread,
    /// The same of the engines' process.
    pub engines_cpu_ms: Spread,
    /// The largest resident size over that before the call, in MiB.
    pub peak_rss_over_base_mib: f64,
    /// Threads when the call has ended: the most of all runs.
    pub threads: u64,
    /// Of these, how many were not there before the call.
    pub extra_threads: u64,
    /// From the call to the first byte at the engine in the middle, in milliseconds.
    pub first_byte_ms: f64,
    /// The same at the engine that had it first.
    pub first_byte_earliest_ms: f64,
    /// The same at the engine that had it last.
    pub first_byte_latest_ms: f64,
    /// From the call to its end, in milliseconds.
    pub wall_ms: f64,
    /// How often the auction was serialised.
    pub productions: f64,
    /// Bytes of one archived object.
    pub archive_bytes: u64,
    /// How many objects were archived.
    pub archives: u64,
}

impl From<&Row> for ScenarioRecord {
    fn from(row: &Row) -> Self {
        let scenario = row.scenario;
        let samples = row.samples.iter();
        let measured = samples.clone().map(|sample| &sample.measurement);
        Self {
            name: format!("{}_{}_solvers", scenario.auction.name(), scenario.solvers),
            design: scenario.design.name().to_owned(),
            size_bytes: row.auction_bytes,
            solvers: scenario.solvers,
            codec: scenario.design.codec().to_owned(),
            runs: row.samples.len(),
            cpu_ms: Spread::of(measured.clone().map(|run| run.cpu_ms)),
            engines_cpu_ms: Spread::of(samples.map(|sample| sample.engines_cpu_ms)),
            peak_rss_over_base_mib: row.peak_mib,
            threads: measured.map(|run| run.threads).max().unwrap_or_default(),
            extra_threads: row.extra_threads,
            first_byte_ms: row.first_byte_median_ms,
            first_byte_earliest_ms: row.first_byte_earliest_ms,
            first_byte_latest_ms: row.first_byte_latest_ms,
            wall_ms: row.wall_ms,
            productions: row.productions,
            archive_bytes: row.archive_bytes,
            archives: row.archives,
        }
    }
}
