//! The process of solver engines that every design sends to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bench_records::{EngineReport, Listening};
use serde::de::DeserializeOwned;

use crate::programs::Programs;
use crate::scenario::Conditions;

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
    /// Starts those that scenarios with these conditions need.
    pub(crate) fn of(programs: &Programs, engines: usize, conditions: &Conditions) -> Result<Self> {
        let mut arguments = vec![format!(
            "--last={}",
            serde_json::to_string(&conditions.last)?
        )];
        if let Some(protocol) = &conditions.protocol {
            arguments.push(format!("--protocol={protocol}"));
        }
        Self::start(programs, engines, &arguments)
    }

    /// Starts so many engines, with further arguments of their program.
    pub(crate) fn start(programs: &Programs, engines: usize, arguments: &[String]) -> Result<Self> {
        let mut process = Command::new(programs.path("engines"))
            .args(["--engines", &engines.to_string()])
            .args(arguments)
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
}

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
