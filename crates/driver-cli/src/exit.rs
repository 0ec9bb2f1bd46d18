//! How the program ends, and what it prints.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use driver_streaming::error_chain;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All went well.
    Ok,
    /// A solver or the archive failed.
    Failed,
    /// Wrong usage or input.
    Usage,
    /// A signal of this number asked the program to end.
    Interrupted(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
            // As shells report a program that a signal has ended.
            Exit::Interrupted(signal) => Self::from(128_u8.saturating_add(signal)),
        }
    }
}

/// Why a command has no result: one line for standard error.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub(super) struct Failure {
    exit: Exit,
    line: String,
}

impl Failure {
    fn new(exit: Exit, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { exit, line }
    }

    /// Wrong usage or input.
    pub(super) fn usage(line: impl Into<String>) -> Self {
        Self::new(Exit::Usage, line)
    }

    /// Wrong usage or input: `what` is wrong, and the error says why.
    pub(super) fn input<E: Error + 'static>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::usage(format!("{what}: {}", error_chain(&error)))
    }

    /// Something went wrong: `what`, and the error says why.
    pub(super) fn of<E: Error + 'static>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::failed(format!("{what}: {}", error_chain(&error)))
    }

    /// Something went wrong.
    pub(super) fn failed(line: impl Into<String>) -> Self {
        Self::new(Exit::Failed, line)
    }

    /// A signal of this number asked the program to end.
    pub(super) fn interrupted(signal: u8, line: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted(signal), line)
    }

    pub(super) fn report(&self) -> ExitCode {
        // Nothing is left to do when standard error is gone.
        let line = self.line.replace(['\r', '\n'], " ");
        let _written = writeln!(io::stderr(), "error: {line}");
        self.exit.into()
    }
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
