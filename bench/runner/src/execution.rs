use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use comparison_records::{EngineReport, Measurement};

use crate::engines::Engines;
use crate::memory_sampler::MemorySampler;
use crate::{Programs, Result, Scenario};

/// One run of a design in a process of its own, as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Execution<'a> {
    scenario: Scenario,
    seed: u64,
    keep: Option<&'a Path>,
    deadline: Option<Duration>,
    is_sampled: bool,
    is_ticking: bool,
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

impl<'a> Execution<'a> {
    pub(crate) fn new(scenario: Scenario, seed: u64) -> Self {
        Self {
            scenario,
            seed,
            keep: None,
            deadline: None,
            is_sampled: false,
            is_ticking: false,
        }
    }

    /// Keeps the archived object in this file.
    pub(crate) fn keep(mut self, path: &'a Path) -> Self {
        self.keep = Some(path);
        self
    }

    /// Some of the engines stall: requests to them are given up so long after the call.
    pub(crate) fn stalled(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Looks at the process's resident size all the time.
    pub(crate) fn sampled(mut self) -> Self {
        self.is_sampled = true;
        self
    }

    /// Has the program look how late its timers are.
    pub(crate) fn ticking(mut self) -> Self {
        self.is_ticking = true;
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, programs: &Programs, engines: &mut Engines) -> Result<Executed> {
        let scenario = self.scenario;
        let mut command = Command::new(programs.path(scenario.design.program()));
        command
            .args(["--design", scenario.design.name()])
            .args(["--codec", scenario.design.codec()])
            .args(["--auction", scenario.auction.name()])
            .args(["--seed", &self.seed.to_string()])
            .args(["--engines", &engines.first(scenario.solvers)])
            .args(self.is_ticking.then_some("--ticker"))
            .stdout(Stdio::piped());
        if let Some(path) = self.keep {
            command.arg("--keep").arg(path);
        }
        if let Some(deadline) = self.deadline {
            command
                .args(["--deadline-ms", &deadline.as_millis().to_string()])
                .arg("--stalled");
        }
        let process = command
            .spawn()
            .map_err(|error| format!("{scenario:?}: cannot start the program: {error}"))?;
        let sampler = self.is_sampled.then(|| MemorySampler::start(process.id()));
        let output = process.wait_with_output()?;
        let resident = sampler.map_or_else(Vec::new, MemorySampler::stop);
        let engines = engines.report()?;
        if !output.status.success() {
            return Err(format!("{scenario:?}: the program failed").into());
        }
        Ok(Executed {
            measurement: serde_json::from_slice(&output.stdout)?,
            engines,
            resident,
        })
    }
}
