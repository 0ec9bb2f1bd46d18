//! How the outcome of a run is printed: a table of the solvers, the verdict, and the figures of the run.

use console::{Style, Term};
use driver_streaming::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome, SolverStatus};

use crate::exit::{Failure, print_json, print_line};
use crate::figures::{LONGEST_NAME, cut, known, milliseconds, size, times, words};
use crate::option_values::Format;
use crate::verdict::{solutions, verdict};

/// Prints the outcome of a run: as text, without the rows of the solvers, which were printed as they ended.
pub(super) fn print_outcome(outcome: &Outcome, format: Option<Format>) -> Result<(), Failure> {
    match format.unwrap_or(Format::Text) {
        Format::Text => print_line(&summary(outcome)),
        Format::Json => print_json("the outcome", outcome),
    }
}

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
        (None, _) => {
            "its length is not known, since no reader was sent all of it unchanged".to_owned()
        }
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
    let how_often = serialize.passes.map_or("in part".to_owned(), times);
    text += &format!("produced {how_often} in {busy}; ");
    if compress.documents > 0 {
        let how_often = compress.passes.map_or("in part".to_owned(), times);
        text += &format!(
            "{} compressed for solvers {how_often}; ",
            compress.documents
        );
    }
    text + &milliseconds(Some(outcome.wall_ms)) + " in all"
}

/// The table of the solvers, printed row by row. With a name of [`LONGEST_NAME`] characters, a row has 80.
pub(super) struct Table {
    name_width: usize,
    most_columns: usize,
}

impl Table {
    /// A table for solvers of these names.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let widest = names.map(|name| name.chars().count()).max();
        let name_width = widest.unwrap_or(0).clamp("solver".len(), LONGEST_NAME);
        let terminal = Term::stdout().size_checked();
        Self {
            name_width,
            most_columns: terminal.map_or(usize::MAX, |(_, columns)| columns.into()),
        }
    }

    pub(super) fn header(&self) -> String {
        let headers = [
            "status",
            "sent",
            "delivered",
            "thought",
            "total",
            "attempts",
            "solutions",
        ];
        self.line("solver", headers.map(str::to_owned), &Style::new())
    }

    /// A solver's row, coloured on a terminal. It leaves out what is not known: the verdict says why.
    pub(super) fn row(&self, solver: &SolverOutcome) -> String {
        let status = match (solver.status, solver.http_status) {
            (SolverStatus::Ok | SolverStatus::Failed, Some(code)) => {
                format!("{} {code}", solver.status)
            }
            (status, _) => words(status),
        };
        let style = match solver.status {
            SolverStatus::Ok => Style::new().green(),
            _ => Style::new().red(),
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
        self.line(&solver.name, cells, &style)
    }

    /// A line of as many columns as fit.
    fn line(&self, name: &str, [status, numbers @ ..]: [String; 7], style: &Style) -> String {
        let (name, width) = (cut(name), self.name_width);
        let status = style.apply_to(format!("{status:<10}"));
        let mut line = format!("{name:<width$}  {status}");
        let mut taken = width + 12;
        for (number, width) in numbers.iter().zip([7, 9, 7, 7, 8, 9]) {
            taken += 1 + width;
            if taken <= self.most_columns {
                line += &format!(" {number:>width$}");
            }
        }
        line
    }
}

pub(super) fn archive_line(archive: &ArchiveOutcome) -> String {
    match (archive.status, &archive.error) {
        (ArchiveStatus::Ok | ArchiveStatus::AlreadyThere, _) => {
            let how = archive.parts.map(|parts| match parts {
                1 => "in 1 part".to_owned(),
                parts => format!("in {parts} parts"),
            });
            format!(
                "{}: {} as {} of {}, {}, at {}",
                match archive.placement {
                    Some("unchecked") => "ok, but it may have replaced another",
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
            format!("spooled: {error}; the next run with this spool or `archive push` uploads it")
        }
        (status, Some(error)) => format!("{}: {error}", words(status)),
        (status, None) => words(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            most_columns: 80,
        };
        let header = table.header();
        assert_eq!(header.chars().count(), 80);
        let row = "a-solver-with-… failed 422                            15.0 s       12          ";
        assert_eq!(table.row(&solver).replacen("  ", " ", 1), row);
        assert_eq!(table.row(&solver).chars().count(), 80);
        let narrow = Table {
            most_columns: 79,
            ..table
        };
        assert!(narrow.header().ends_with("attempts"));
        console::set_colors_enabled(true);
        assert!(table.row(&solver).contains("\u{1b}[31mfailed 422\u{1b}[0m"));
        console::set_colors_enabled(false);
    }
}
