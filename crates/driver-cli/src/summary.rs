//! How the outcome of a run is printed: a table of the solvers, what it means, and the figures of the run.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::time::Duration;

use driver_streaming::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome, SolverStatus};

use crate::arguments::Format;
use crate::exit::{Failure, print_json, print_line};
use crate::verdict::{solutions, verdict};

/// The columns after the solver's name. With a name of [`LONGEST_NAME`] characters, a row has 80.
const COLUMNS: [(&str, usize); 7] = [
    ("status", 10),
    ("sent", 7),
    ("delivered", 9),
    ("thought", 7),
    ("total", 7),
    ("attempts", 8),
    ("solutions", 9),
];

/// Longer names are cut in the table.
const LONGEST_NAME: usize = 15;

/// Prints the outcome of a run to standard output: as text, all but the rows of the solvers, which have been printed as
/// they ended.
pub(super) fn print_outcome(outcome: &Outcome, format: Option<Format>) -> Result<(), Failure> {
    match format.unwrap_or(Format::Text) {
        Format::Text => print_line(&summary(outcome)),
        Format::Json => print_json("the outcome", outcome),
    }
}

/// The outcome as people read it, without its solvers: the verdict first.
fn summary(outcome: &Outcome) -> String {
    let (auction, serialize, compress) = (&outcome.auction, &outcome.serialize, &outcome.compress);
    let lines = verdict(&outcome.solvers, &outcome.archive, serialize.passes);
    let mut text = match lines[..] {
        [] => String::new(),
        _ => format!("\n{}\n\n", lines.join("\n")),
    };
    let id = auction.id.as_deref().unwrap_or("without id");
    text += &format!("auction {id}: ");
    text += &match (auction.bytes, auction.sha256.as_deref()) {
        (None, _) => "its length is not known, as nobody was sent all of it as it is".to_owned(),
        (bytes, None) => size(bytes),
        (bytes, Some(digest)) => {
            let start = digest.get(..16).unwrap_or(digest);
            format!("{}, sha256 {start}", size(bytes))
        }
    };
    text += &format!("\narchive {}\n", archive_line(&outcome.archive));
    if serialize.documents > 1 {
        text += &format!("{} documents ", serialize.documents);
    }
    let busy = milliseconds(Some(serialize.busy_ms));
    text += &format!("{} in {busy}; ", produced(serialize.passes));
    if compress.documents > 0 {
        let how_often = compress.passes.map(times);
        let how_often = how_often.unwrap_or_else(|| "not to the end".to_owned());
        text += &format!(
            "{} compressed for solvers {how_often}; ",
            compress.documents
        );
    }
    text + &milliseconds(Some(outcome.wall_ms)) + " in all"
}

/// The table of the solvers, printed row by row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    name_width: usize,
    is_coloured: bool,
}

impl Table {
    /// For solvers of these names, on standard output: coloured on a terminal.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let widest = names.map(|name| name.chars().count()).max();
        let is_unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
        Self {
            name_width: widest.unwrap_or(0).clamp("solver".len(), LONGEST_NAME),
            // <https://no-color.org>
            is_coloured: io::stdout().is_terminal() && is_unset("NO_COLOR"),
        }
    }

    pub(super) fn header(&self) -> String {
        self.line("solver", COLUMNS.map(|(header, _)| header.to_owned()), "2")
    }

    /// A solver's row. What is not known is left out: the verdict says why.
    pub(super) fn row(&self, solver: &SolverOutcome) -> String {
        let status = match (solver.status, solver.http_status) {
            (SolverStatus::Ok | SolverStatus::Failed, Some(code)) => {
                format!("{} {code}", solver_status(solver.status))
            }
            (status, _) => solver_status(status).to_owned(),
        };
        let colour = if solver.status == SolverStatus::Ok {
            "32"
        } else {
            "31"
        };
        let cells = [
            status,
            size(solver.bytes_sent),
            milliseconds(solver.delivered_ms),
            milliseconds(solver.thinking_ms),
            milliseconds(Some(solver.total_ms)),
            solver.attempts.to_string(),
            known(solutions(solver)),
        ];
        self.line(&solver.name, cells, colour)
    }

    /// A name, a status of this colour, and numbers, each aligned with its column.
    fn line(&self, name: &str, [status, numbers @ ..]: [String; 7], colour: &str) -> String {
        let Self { name_width, .. } = *self;
        let name = cut(name);
        let (_, width) = COLUMNS[0];
        let status = format!("{status:<width$}");
        let mut line = match self.is_coloured {
            true => format!("{name:<name_width$}  \u{1b}[{colour}m{status}\u{1b}[0m"),
            false => format!("{name:<name_width$}  {status}"),
        };
        for ((_, width), number) in COLUMNS[1..].iter().zip(numbers) {
            line += &format!(" {number:>width$}");
        }
        line
    }
}

/// A name with room for it in a table.
pub(super) fn cut(name: &str) -> String {
    match name.chars().count() {
        0..=LONGEST_NAME => name.to_owned(),
        _ => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
    }
}

fn archive_line(archive: &ArchiveOutcome) -> String {
    match (archive.status, &archive.error) {
        (ArchiveStatus::Ok | ArchiveStatus::AlreadyThere, _) => {
            let how = archive.parts.map(|count| format!("in {}", parts(count)));
            format!(
                "{}: {} as {} of {}, {}, at {}",
                match archive.placement {
                    Some("unchecked") => "ok, but unchecked whether another was replaced",
                    _ => "ok",
                },
                size(archive.raw_bytes),
                size(archive.stored_bytes),
                known(archive.codec.as_deref()),
                how.as_deref().unwrap_or("was there already"),
                known(archive.location.as_deref()),
            )
        }
        (ArchiveStatus::Skipped, _) => "none: no --archive was given".to_owned(),
        (ArchiveStatus::Cancelled, Some(error)) => error.clone(),
        (ArchiveStatus::Spooled, Some(error)) => {
            format!("spooled: {error}, and the next run with it or `archive push` brings it there")
        }
        (status, Some(error)) => format!("{}: {error}", archive_status(status)),
        (status, None) => archive_status(status).to_owned(),
    }
}

pub(super) fn solver_status(status: SolverStatus) -> &'static str {
    match status {
        SolverStatus::Ok => "ok",
        SolverStatus::Failed => "failed",
        SolverStatus::TimedOut => "timed out",
        SolverStatus::Cancelled => "cancelled",
    }
}

pub(super) fn archive_status(status: ArchiveStatus) -> &'static str {
    match status {
        ArchiveStatus::Ok => "ok",
        ArchiveStatus::AlreadyThere => "already there",
        ArchiveStatus::Conflict => "conflict",
        ArchiveStatus::Failed => "failed",
        ArchiveStatus::Unknown => "unknown",
        ArchiveStatus::Cancelled => "cancelled",
        ArchiveStatus::Skipped => "skipped",
        ArchiveStatus::Spooled => "spooled",
        ArchiveStatus::SpoolFull => "spool full",
        ArchiveStatus::Running => "still running",
    }
}

/// What is known, and nothing for what is not.
pub(super) fn known(found: Option<impl Display>) -> String {
    found.map_or_else(String::new, |found| found.to_string())
}

/// Bytes, with three digits: `8.53 MB`.
pub(super) fn size(bytes: Option<u64>) -> String {
    known(bytes.map(|bytes| match bytes {
        0..1_000 => format!("{bytes} B"),
        _ => {
            let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
            scaled(bytes as f64 / 1e3, 1e3, &units)
        }
    }))
}

/// A time, with three digits: `1.42 ms`, `14.2 s`.
pub(super) fn milliseconds(milliseconds: Option<f64>) -> String {
    known(milliseconds.map(|time| scaled(time, 1e3, &["ms", "s"])))
}

pub(super) fn duration(duration: Duration) -> String {
    milliseconds(Some(duration.as_secs_f64() * 1000.0))
}

/// A number with three digits, in the unit in which it is less than `step`.
fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // Where it would be rounded up to `step`, it is shown as one of the next.
    while number >= step - 0.5 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let digits = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.digits$} {}", units[unit])
}

/// How often something was done: `1.25 times`.
pub(super) fn times(passes: f64) -> String {
    format!("{passes:.2} times")
}

fn produced(passes: Option<f64>) -> String {
    let how_often = passes.map(times);
    format!("produced {}", how_often.as_deref().unwrap_or("in part"))
}

pub(super) fn parts(parts: u64) -> String {
    format!("{parts} part{}", if parts == 1 { "" } else { "s" })
}

/// `a`, `a and b`, or `a, b and c`.
pub(super) fn joined(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (8_530_000, "8.53 MB"),
            (99_960_000, "100 MB"),
            (999_700_000, "1.00 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(Some(bytes)), shown);
        }
        for (time, shown) in [
            (0.0, "0.00 ms"),
            (9.996, "10.0 ms"),
            (147.4, "147 ms"),
            (999.6, "1.00 s"),
            (15_000.0, "15.0 s"),
        ] {
            assert_eq!(milliseconds(Some(time)), shown);
        }
        assert_eq!(milliseconds(None), "");
    }

    #[test]
    fn the_table_fits_80_columns_and_leaves_out_what_is_not_known() {
        let mut solver = SolverOutcome::default();
        solver.name = "a-solver-with-a-long-name".to_owned();
        solver.status = SolverStatus::Failed;
        solver.http_status = Some(422);
        solver.attempts = 12;
        solver.total_ms = 14_999.0;
        let table = Table {
            name_width: LONGEST_NAME,
            is_coloured: false,
        };
        let header = table.header();
        assert_eq!(header.chars().count(), 80);
        let row = "a-solver-with-… failed 422                            15.0 s       12          ";
        assert_eq!(table.row(&solver).replacen("  ", " ", 1), row);
        assert_eq!(table.row(&solver).chars().count(), 80);
        let coloured = Table {
            is_coloured: true,
            ..table
        };
        assert!(
            coloured
                .row(&solver)
                .contains("\u{1b}[31mfailed 422\u{1b}[0m")
        );
    }
}
