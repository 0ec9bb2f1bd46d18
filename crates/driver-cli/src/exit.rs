//! Exit codes, and what is printed.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use driver_streaming::{ArchiveStatus, Outcome, SolverStatus, error_chain};
use serde::Serialize;

/// The exit code for wrong usage or input.
pub(super) const USAGE: u8 = 2;

/// Why a command failed: one line for standard error, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub(super) struct Failure {
    code: u8,
    line: String,
}

impl Failure {
    pub(super) fn new(code: u8, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { code, line }
    }

    /// Wrong usage or input, in these words.
    pub(super) fn usage(line: impl Into<String>) -> Self {
        Self::new(USAGE, line)
    }

    /// Wrong usage or input: `what`, and why.
    pub(super) fn input<E: Error + 'static>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::usage(format!("{what}: {}", error_chain(&error)))
    }

    /// Something that failed: `what`, and why.
    pub(super) fn of<E: Error + 'static>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(1, format!("{what}: {}", error_chain(&error)))
    }

    /// A signal ended the command. The exit code is the one that shells report then.
    pub(super) fn interrupted(signal: u8, line: impl Into<String>) -> Self {
        Self::new(128_u8.saturating_add(signal), line)
    }

    pub(super) fn report(&self) -> ExitCode {
        // Nothing is left to do when standard error is gone.
        let line = without_secrets(&self.line.replace(['\r', '\n'], " "));
        let _written = writeln!(io::stderr(), "error: {line}");
        self.code.into()
    }
}

/// The exit code of a run: 1 if a solver failed or, unless it was not waited for, the archive.
pub(super) fn exit_code(outcome: &Outcome, no_wait: bool) -> ExitCode {
    let mut solvers = outcome.solvers.iter();
    let is_left = no_wait && outcome.archive.status == ArchiveStatus::Cancelled;
    let is_ok = is_left && solvers.all(|solver| solver.status == SolverStatus::Ok);
    u8::from(!(is_ok || outcome.is_ok())).into()
}

/// Prints one line to standard output.
pub(super) fn print_line(line: &str) -> Result<(), Failure> {
    printed(write_line(line))
}

/// The same, which fails when nobody reads any more.
pub(super) fn write_line(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush())
}

/// Prints a value as JSON on one line. `what` names it in errors.
pub(super) fn print_json(what: &str, value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value);
    let json = json.map_err(Failure::of(format!("{what} cannot be written")))?;
    // An engine's answer is passed on as it came. In JSON, a space may stand wherever a line break does.
    print_line(&json.replace(['\r', '\n'], " "))
}

/// The result of writing to standard output. It is no failure if the reader, such as `head`, reads no more.
pub(super) fn printed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::of("standard output cannot be written")),
    }
}

/// A writer of log lines, which may quote URLs, [without their secrets](without_secrets).
pub(super) struct WithoutSecrets<W>(pub(super) W);

impl<W: Write> Write for WithoutSecrets<W> {
    // Called with a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = without_secrets(&String::from_utf8_lossy(line));
        self.0.write_all(shown.as_bytes()).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Replaces user, password and query of the URLs in a text by `***`.
pub(super) fn without_secrets(line: &str) -> String {
    let mut parts = line.split("//");
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |shown, part| {
        let end = part.find(|c: char| c.is_whitespace() || "/'\"?#".contains(c));
        let (host, rest) = part.split_at(end.unwrap_or(part.len()));
        let host = match host.rfind('@') {
            Some(at) => format!("***{}", &host[at..]),
            None => host.to_owned(),
        };
        let end = rest.find(|c: char| c.is_whitespace() || "'\"<>()\\".contains(c));
        let (path, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
        let query = if query.len() > 1 { "?***" } else { query };
        shown + "//" + &host + path + query + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_urls_show_no_password_and_no_query() {
        for (line, shown) in [
            (
                "unexpected 'http://u:p@h/x' found",
                "unexpected 'http://***@h/x' found",
            ),
            (
                "a http://h/x@y, b s3://k:s@b",
                "a http://h/x@y, b s3://***@b",
            ),
            (
                "at \"http://u:p@h\"\nhttps://k@h",
                "at \"http://***@h\"\nhttps://***@h",
            ),
            (
                "url (https://k@h/v1?key=s&a=b), really//?",
                "url (https://***@h/v1?***), really//?",
            ),
            ("//", "//"),
            ("no URL", "no URL"),
        ] {
            assert_eq!(without_secrets(line), shown);
            let mut logged = Vec::new();
            let log = &mut WithoutSecrets(&mut logged);
            log.write_all(line.as_bytes()).unwrap();
            assert_eq!(logged, shown.as_bytes());
        }
    }
}
