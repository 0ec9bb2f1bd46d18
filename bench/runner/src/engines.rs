//! The process of solver engines that every design sends to, and running a design once, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bench_records::{EngineReport, Measurement};

use crate::programs::Programs;
use crate::scenario::{Conditions, Scenario};

/// Signed the certificate that engines have.
const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/upload-client/tests/it/certificates/authority.pem"
);

/// When requests to engines are given up that need not be sent the whole auction, after the call. The healthy have everything
/// long before.
pub(crate) const DEADLINE_MS: u64 = 2_000;

/// A process whose first line says where it listens. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) process: Child,
    output: BufReader<ChildStdout>,
    pub(crate) addresses: String,
}

impl Listening {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = command.spawn();
        let mut process = started.with_context(|| format!("cannot start {command:?}"))?;
        let output = process.stdout.take().context("a process without output")?;
        let mut listening = Self {
            process,
            output: BufReader::new(output),
            addresses: String::new(),
        };
        listening.addresses = listening.line()?;
        Ok(listening)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the process ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A process of engines.
#[derive(Debug)]
pub(crate) struct Engines(Listening);

impl Engines {
    /// Starts so many engines, which may hash what they get, as scenarios with these conditions need them.
    pub(crate) fn start(
        programs: &Programs,
        engines: usize,
        conditions: &Conditions,
        is_hashing: bool,
    ) -> Result<Self> {
        let mut command = Command::new(programs.path("bench-engines"));
        command
            .args(["--engines", &engines.to_string()])
            .args(["--last", &serde_json::to_string(&conditions.last)?])
            .args(protocol(conditions))
            .args(is_hashing.then_some("--check"));
        Ok(Self(Listening::start(&mut command)?))
    }

    /// The addresses of the first engines, separated by commas.
    pub(crate) fn first(&self, engines: usize) -> String {
        let addresses = self.0.addresses.split(',').take(engines);
        addresses.collect::<Vec<_>>().join(",")
    }

    /// What happened since the last report.
    pub(crate) fn report(&mut self) -> Result<EngineReport> {
        let input = self.0.process.stdin.as_mut();
        input.context("no input")?.write_all(b"report\n")?;
        Ok(serde_json::from_str(&self.0.line()?)?)
    }

    /// Runs a scenario once, with further arguments, and returns what its program and what the engines say.
    pub(crate) fn run(
        &mut self,
        programs: &Programs,
        scenario: &Scenario,
        arguments: &[&str],
    ) -> Result<(Measurement, EngineReport)> {
        let (design, conditions) = (&scenario.design, &scenario.conditions);
        let mut command = Command::new(programs.path(&design.program));
        command
            .args(["--design", &design.name])
            .args(design.codec.iter().flat_map(|codec| ["--codec", codec]))
            .args(["--auction", &scenario.auction])
            .args(["--store-ms", &conditions.store_ms.to_string()])
            .args(protocol(conditions))
            .args(conditions.watched.then_some("--watch"))
            .args(arguments)
            .env("SSL_CERT_FILE", AUTHORITY)
            .stderr(Stdio::inherit());
        if scenario.solvers > 0 {
            command.args(["--engines", &self.first(scenario.solvers)]);
        }
        if scenario.gives_up() {
            command.args(["--give-up-ms", &DEADLINE_MS.to_string()]);
        }
        let output = command.output().context("cannot start the program")?;
        let engines = self.report()?;
        ensure!(output.status.success(), "the program failed");
        Ok((serde_json::from_slice(&output.stdout)?, engines))
    }
}

/// An option of the engines and of the designs, unless it is the default.
fn protocol(conditions: &Conditions) -> impl Iterator<Item = &str> {
    let protocol = conditions.protocol.iter();
    protocol.flat_map(|protocol| ["--protocol", protocol])
}
