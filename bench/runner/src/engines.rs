use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use comparison_records::{EngineReport, Listening};
use serde::de::DeserializeOwned;

use crate::Result;

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
    /// So many engines that read everything.
    pub(crate) fn start(program: &Path, engines: usize) -> Result<Self> {
        Self::start_with(program, engines, &[])
    }

    /// The same, and they hash what they read.
    pub(crate) fn start_hashing(program: &Path, engines: usize) -> Result<Self> {
        Self::start_with(program, engines, &["--check"])
    }

    /// So many engines, of which the last ones stop reading.
    pub(crate) fn start_stalled(program: &Path, engines: usize, stalled: usize) -> Result<Self> {
        Self::start_with(program, engines, &["--stalled", &stalled.to_string()])
    }

    fn start_with(program: &Path, engines: usize, arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(program)
            .args(["--engines", &engines.to_string()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the engines: {error}"))?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or("engines without output")?;
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

    /// All since the last time.
    pub(crate) fn report(&mut self) -> Result<EngineReport> {
        let input = self.input.as_mut().ok_or("engines without input")?;
        input.write_all(b"report\n")?;
        line(&mut self.output)
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have failed before: what went wrong then has been told by its report.
        let _status = self.process.wait();
    }
}

fn line<T: DeserializeOwned>(output: &mut BufReader<ChildStdout>) -> Result<T> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    if line.is_empty() {
        return Err("the engines ended".into());
    }
    Ok(serde_json::from_str(&line)?)
}
