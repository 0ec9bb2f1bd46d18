//! The process of solver engines that every design sends to, and running a design once, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bench_records::{EngineReport, Listening, Measurement};
use serde::de::DeserializeOwned;

use crate::programs::Programs;
use crate::scenario::{Conditions, Scenario};

/// Signed the certificate that engines have.
const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/upload-client/tests/it/certificates/authority.pem"
);

/// A process of engines. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Engines {
    process: Child,
    /// `None` once it is closed, which ends the process.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
}

impl Engines {
    /// Starts so many engines, which may hash what they get, as scenarios with these conditions need them.
    pub(crate) fn start(
        programs: &Programs,
        engines: usize,
        conditions: &Conditions,
        is_hashing: bool,
    ) -> Result<Self> {
        let mut process = Command::new(programs.path("engines"))
            .args(["--engines", &engines.to_string()])
            .args(["--last", &serde_json::to_string(&conditions.last)?])
            .args(["--protocol", conditions.protocol()])
            .args(is_hashing.then_some("--check"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the engines")?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("engines without output")?;
        let mut output = BufReader::new(output);
        let listening: Listening = line(&mut output)?;
        Ok(Self {
            process,
            input,
            output,
            addresses: listening.addresses,
        })
    }

    /// The addresses of the first engines, separated by commas.
    pub(crate) fn first(&self, engines: usize) -> String {
        let addresses = self.addresses.iter().take(engines);
        let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
        addresses.join(",")
    }

    /// What happened since the last report.
    pub(crate) fn report(&mut self) -> Result<EngineReport> {
        let input = self.input.as_mut().context("engines without input")?;
        input.write_all(b"report\n")?;
        line(&mut self.output)
    }

    /// Runs a scenario once, with further arguments, and returns what its program and what the engines say.
    pub(crate) fn run(
        &mut self,
        programs: &Programs,
        scenario: &Scenario,
        arguments: &[&str],
    ) -> Result<(Measurement, EngineReport)> {
        let (design, conditions) = (&scenario.design, &scenario.conditions);
        let mut command = Command::new(programs.path(design.program()));
        command
            .args(["--design", &design.name, "--codec", &design.codec])
            .args(["--auction", &scenario.auction])
            .args(["--store-ms", &conditions.store_ms.to_string()])
            .args(["--protocol", conditions.protocol()])
            .args(conditions.watched.then_some("--watch"))
            .args(arguments)
            .env("SSL_CERT_FILE", AUTHORITY)
            .stderr(Stdio::inherit());
        if scenario.solvers > 0 {
            command.args(["--engines", &self.first(scenario.solvers)]);
        }
        if scenario.gives_up() {
            command.args(["--give-up", "--deadline-ms", &DEADLINE_MS.to_string()]);
        }
        let output = command.output().context("cannot start the program")?;
        let engines = self.report()?;
        ensure!(output.status.success(), "the program failed");
        Ok((serde_json::from_slice(&output.stdout)?, engines))
    }
}

/// When requests to engines are given up that need not be sent the whole auction, after the call. The healthy have everything
/// long before.
pub(crate) const DEADLINE_MS: u64 = 2_000;

impl Drop for Engines {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have failed before: then its missing report was the error.
        let _status = self.process.wait();
    }
}

fn line<T: DeserializeOwned>(output: &mut BufReader<ChildStdout>) -> Result<T> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    ensure!(!line.is_empty(), "the engines ended");
    Ok(serde_json::from_str(&line)?)
}
