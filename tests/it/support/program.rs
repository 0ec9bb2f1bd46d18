use std::fmt::Write as _;
use std::process::{Child, Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The program, to be given arguments. It sees no credentials, no collector and no proxy of whoever runs the tests.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driver-streaming-under-test"));
    for (name, _) in std::env::vars() {
        let prefixes = ["AWS_", "AZURE_", "GOOGLE_", "OTEL_"];
        if prefixes.iter().any(|prefix| name.starts_with(prefix))
            || name.to_ascii_lowercase().ends_with("_proxy")
        {
            command.env_remove(name);
        }
    }
    // Without credentials, a store would be asked for some beyond this machine.
    command.env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
    command.args(arguments).env_remove("RUST_LOG");
    command
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Finished {
    /// Runs a command to its end.
    pub(crate) fn run(command: &mut Command) -> Self {
        Self::from_output(command.output().expect("the program starts"))
    }

    /// Waits for a program that was started, with its output piped.
    pub(crate) fn of(child: Child) -> Self {
        Self::from_output(child.wait_with_output().expect("the program ends"))
    }

    fn from_output(output: Output) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        Self {
            code: status.code(),
            output: String::from_utf8(stdout).expect("standard output is text"),
            errors: String::from_utf8(stderr).expect("standard error is text"),
        }
    }

    /// The outcome that `--format json` printed: one object on one line.
    pub(crate) fn outcome(&self) -> Value {
        assert_eq!(self.output.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.output).expect("the outcome is JSON")
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("strings take all");
            hex
        })
}
