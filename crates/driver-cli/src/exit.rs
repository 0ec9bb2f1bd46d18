//! How the program ends, and what it prints.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use driver_streaming::{Outcome, error_chain};

/// The exit code for wrong usage or input.
pub(super) const USAGE: u8 = 2;

/// Why a command has no result: one line for standard error.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub(super) struct Failure {
    code: u8,
    line: String,
}

impl Failure {
    fn new(code: u8, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { code, line }
    }

    /// Wrong usage or input.
    pub(super) fn usage(line: impl Into<String>) -> Self {
        Self::new(USAGE, line)
    }

    /// Wrong usage or input: `what` is wrong, and the error says why.
    pub(super) fn input<E: Error + 'static>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::usage(format!("{what}: {}", error_chain(&error)))
    }

    /// Something went wrong: `what`, and the error says why.
    pub(super) fn of<E: Error + 'static>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(1, format!("{what}: {}", error_chain(&error)))
    }

    /// A signal of this number asked the program to end.
    pub(super) fn interrupted(signal: u8, line: impl Into<String>) -> Self {
        // As shells report a program that a signal has ended.
        Self::new(128_u8.saturating_add(signal), line)
    }

    pub(super) fn report(&self) -> ExitCode {
        // Nothing is left to do when standard error is gone.
        let line = self.line.replace(['\r', '\n'], " ");
        let _written = writeln!(io::stderr(), "error: {line}");
        self.code.into()
    }
}

/// The exit code of a run that came to its end: 1 if a solver or the archive failed.
pub(super) fn exit_code(outcome: &Outcome) -> ExitCode {
    u8::from(!outcome.is_ok()).into()
}

/// Writes one line to standard output.
pub(super) fn print_line(line: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    printed(writeln!(output, "{line}").and_then(|()| output.flush()))
}

/// What comes of writing to standard output. A reader that has had enough, as `head` has, is no failure of ours.
pub(super) fn printed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::of("standard output cannot be written")),
    }
}
