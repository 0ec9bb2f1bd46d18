//! What the runs ran on.

use std::fs;

use anyhow::Result;
use serde::Serialize;

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
