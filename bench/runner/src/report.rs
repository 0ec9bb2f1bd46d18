//! What `report.json` holds: what was measured, what it ran on, and what could not be measured.

use std::fs;

use anyhow::Result;
use bench_records::Measure;
use serde::Serialize;

use crate::rows::{Row, Table};
use crate::targets::Ratio;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The command, as it was given in the root of the repository.
    pub(crate) command: String,
    /// When it was given, in UTC.
    pub(crate) date: String,
    /// How long it took once everything was built.
    pub(crate) seconds: f64,
    pub(crate) machine: Machine,
    /// How many designs and scenarios were checked to deliver and archive the right bytes.
    pub(crate) checked: usize,
    pub(crate) failed: Failed,
    /// Every target, met or not, and figures of which nothing is demanded.
    pub(crate) ratios: Vec<Ratio>,
    /// Whole processes.
    pub(crate) tables: Vec<Table>,
    /// Loops, the floor and the service.
    pub(crate) measures: Vec<Measure>,
}

impl Report {
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.tables.iter().flat_map(|table| &table.rows)
    }

    /// The targets that are missed, or that nothing that was run tells of.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Ratio> {
        self.ratios.iter().filter(|ratio| ratio.met == Some(false))
    }
}

/// What the runs ran on, as far as it changes their numbers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's model.
    pub(crate) processor: String,
    /// How many of its cores there are for this process.
    pub(crate) cores: usize,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// How many threads wanted to run in the last minute, before the first run and after the last. Other work on the machine
    /// makes times longer, processor time included.
    pub(crate) load_average: [f64; 2],
}

impl Machine {
    /// `before` is the load average before the first run.
    pub(crate) fn look(before: f64) -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let mut lines = processors.lines();
        let model = lines.find_map(|line| line.strip_prefix("model name\t: "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            processor: model.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: kernel.trim().to_owned(),
            load_average: [before, load_average()?],
        })
    }
}

pub(crate) fn load_average() -> Result<f64> {
    let load = fs::read_to_string("/proc/loadavg")?;
    let last_minute = load.split(' ').next().unwrap_or_default();
    Ok(last_minute.parse()?)
}

/// What could not be checked or measured, and why.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Failed(pub(crate) Vec<String>);

impl Failed {
    /// What was found, or nothing and a note.
    pub(crate) fn note<T: Default>(&mut self, what: &str, found: Result<T>) -> T {
        found.unwrap_or_else(|error| {
            let note = format!("{what}: {error:#}");
            eprintln!("not measured: {note}");
            self.0.push(note);
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_noted_and_leaves_the_rest() {
        let mut failed = Failed::default();
        assert_eq!(failed.note("good", Ok(7)), 7);
        let nothing: Vec<f64> = failed.note("bad", Err(anyhow::anyhow!("no answer")));
        assert_eq!(
            (nothing.len(), failed.0),
            (0, vec!["bad: no answer".to_owned()])
        );
    }
}
