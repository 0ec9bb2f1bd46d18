//! Running a design once, in a process of its own, and watching its memory meanwhile.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bench_records::{EngineReport, Measurement, monotonic_nanoseconds, process_status};

use crate::engines::Engines;
use crate::programs::Programs;
use crate::scenario::Scenario;

/// How often memory is looked at. Finer, and looking would take from the process what is measured of it.
const PERIOD: Duration = Duration::from_millis(2);

/// One run of a design in a process of its own, as it is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Execution<'a> {
    /// What the auction is generated from.
    pub(crate) seed: u64,
    /// The file in which the archived object is kept.
    pub(crate) keep: Option<&'a Path>,
    /// When requests to engines are given up that need not be sent the whole auction, after the call.
    pub(crate) deadline_ms: u64,
    /// Whether the process's resident size is looked at all the time.
    pub(crate) is_sampled: bool,
    /// Whether the program looks how late its timers are.
    pub(crate) is_ticking: bool,
    /// How many callers make the call again and again, and for how long.
    pub(crate) sustained: Option<(usize, Duration)>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    /// What the program says of itself.
    pub(crate) measurement: Measurement,
    /// What the engines say.
    pub(crate) engines: EngineReport,
    /// Resident sizes in KiB, each with its nanosecond of `CLOCK_MONOTONIC`, where they were asked for.
    pub(crate) resident: Vec<(u64, u64)>,
}

impl Execution<'_> {
    /// Runs it to its end.
    pub(crate) fn run(
        &self,
        scenario: Scenario,
        programs: &Programs,
        engines: &mut Engines,
    ) -> Result<Executed> {
        let design = scenario.design;
        let mut command = Command::new(programs.path(design.program()));
        command
            .args(["--design", design.name(), "--codec", design.codec()])
            .args(["--auction", scenario.auction])
            .args(["--seed", &self.seed.to_string()])
            .args(["--engines", &engines.first(scenario.solvers)])
            .args(self.is_ticking.then_some("--ticker"))
            .stdout(Stdio::piped());
        if let Some(path) = self.keep {
            command.arg("--keep").arg(path);
        }
        if let Some((callers, period)) = self.sustained {
            command.args(["--callers", &callers.to_string()]);
            command.args(["--period-ms", &period.as_millis().to_string()]);
        }
        if scenario.must_deliver() < scenario.solvers {
            command.args(["--give-up", "--deadline-ms", &self.deadline_ms.to_string()]);
        }
        let process = command.spawn().context("cannot start the program")?;
        let sampler = self.is_sampled.then(|| MemorySampler::start(process.id()));
        let output = process.wait_with_output()?;
        let resident = sampler.map_or_else(Vec::new, MemorySampler::stop);
        let engines = engines.report()?;
        ensure!(output.status.success(), "the program failed");
        Ok(Executed {
            measurement: serde_json::from_slice(&output.stdout)?,
            engines,
            resident,
        })
    }
}

/// A thread that looks at a process's resident size.
#[derive(Debug)]
struct MemorySampler {
    /// Its end ends the thread.
    stop: Sender<()>,
    looking: JoinHandle<Vec<(u64, u64)>>,
}

impl MemorySampler {
    fn start(process: u32) -> Self {
        let process = process.to_string();
        let (stop, stopped) = channel();
        let looking = std::thread::spawn(move || {
            let mut samples = Vec::new();
            // A process that has ended has no such line any more.
            while let Some(kib) = process_status(&process, "VmRSS:") {
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
    fn stop(self) -> Vec<(u64, u64)> {
        drop(self.stop);
        self.looking.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_there_is_not_seen() {
        assert_eq!(MemorySampler::start(0).stop(), []);
        assert!(!MemorySampler::start(std::process::id()).stop().is_empty());
    }
}
