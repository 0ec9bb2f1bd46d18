//! How the outcome of a run is printed, and its figures as the page has them, too.

use driver_streaming::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome, SolverStatus};
use indicatif::DecimalBytes;
use measured_body::Ending;

use crate::arguments::Format;
use crate::exit::{Failure, print_line};

/// Prints the outcome of a run to standard output: as text, all but the solvers, whose lines have been printed as they
/// ended.
pub(super) fn print_outcome(outcome: &Outcome, format: Option<Format>) -> Result<(), Failure> {
    match format.unwrap_or(Format::Text) {
        Format::Text => print_line(&summary(outcome)),
        Format::Json => {
            let json = serde_json::to_string(outcome)
                .map_err(Failure::of("the outcome cannot be written"))?;
            // An engine's answer is passed on as it came. Within JSON, line breaks stand only where a space may.
            print_line(&json.replace(['\r', '\n'], " "))
        }
    }
}

/// The outcome as people read it, without its solvers.
fn summary(outcome: &Outcome) -> String {
    let (auction, serialize, compress) = (&outcome.auction, &outcome.serialize, &outcome.compress);
    let id = auction.id.as_deref().unwrap_or("without id");
    let digest = auction.sha256.as_deref();
    let digest = or_unknown(digest.map(|digest| digest.get(..16).unwrap_or(digest)));
    let mut text = format!("auction {id}: {}, sha256 {digest}\n", size(auction.bytes));
    text += &format!("archive {}\n", archive_line(&outcome.archive));
    if serialize.documents > 1 {
        text += &format!("{} documents ", serialize.documents);
    }
    let busy = milliseconds(Some(serialize.busy_ms));
    text += &format!("produced {} in {busy}; ", times(serialize.passes));
    if compress.documents > 0 {
        let passes = times(compress.passes);
        text += &format!("{} compressed for solvers {passes}; ", compress.documents);
    }
    text + &milliseconds(Some(outcome.wall_ms)) + " in all"
}

/// A solver's outcome in one line, with room for the widest name.
pub(super) fn solver_line(solver: &SolverOutcome, widest: usize) -> String {
    let status = solver_status(solver.status);
    let mut text = format!("  {:<widest$}  {status}", solver.name);
    if let Some(status) = solver.http_status {
        text += &format!(" ({status})");
    }
    text += ": ";
    if solver.transmission_ms.is_some() && solver.to_first_poll_ms.is_some() {
        text += &size(solver.bytes_sent);
        if let Some(encoding) = solver.encoding {
            text += &format!(" of {encoding}");
        }
        text += &format!(
            " in {} after {}, of it waited {} for data, {} for the solver",
            milliseconds(solver.transmission_ms),
            milliseconds(solver.to_first_poll_ms),
            milliseconds(solver.producer_wait_ms),
            milliseconds(solver.consumer_wait_ms)
        );
    } else {
        text += "nothing was sent";
    }
    if solver.response_ms.is_some() {
        text += &format!("; answered at {}", milliseconds(solver.response_ms));
    }
    if solver.http_status.is_some() && solver.ending == Some(Ending::Cancelled) {
        text += ", before it had been sent everything";
    }
    if solver.attempts > 1 {
        text += &format!("; {} attempts", solver.attempts);
    }
    if let Some(error) = &solver.error {
        text += &format!("; {error}");
    }
    text
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
                or_unknown(archive.codec.as_deref()),
                how.as_deref().unwrap_or("was there already"),
                or_unknown(archive.location.as_deref()),
            )
        }
        (ArchiveStatus::Cancelled, Some(error)) => error.clone(),
        (ArchiveStatus::Spooled, Some(error)) => {
            format!("spooled: {error}, and the next run with it or `archive push` brings it there")
        }
        (status, Some(error)) => format!("{}: {error}", archive_status(status)),
        (status, None) => archive_status(status).to_owned(),
    }
}

/// What is not known.
const UNKNOWN: &str = "–";

/// A solver's status.
pub(super) fn solver_status(status: SolverStatus) -> &'static str {
    match status {
        SolverStatus::Ok => "ok",
        SolverStatus::Failed => "failed",
        SolverStatus::TimedOut => "timed out",
        SolverStatus::Cancelled => "cancelled",
    }
}

/// The archive's status.
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

pub(super) fn or_unknown(found: Option<impl ToString>) -> String {
    found.map_or_else(|| UNKNOWN.to_owned(), |found| found.to_string())
}

pub(super) fn size(bytes: Option<u64>) -> String {
    or_unknown(bytes.map(DecimalBytes))
}

pub(super) fn milliseconds(milliseconds: Option<f64>) -> String {
    or_unknown(milliseconds.map(|milliseconds| format!("{milliseconds:.1} ms")))
}

/// How often something was done: `1.25 times`.
pub(super) fn times(passes: Option<f64>) -> String {
    or_unknown(passes.map(|passes| format!("{passes:.2}"))) + " times"
}

pub(super) fn parts(parts: u64) -> String {
    format!("{parts} part{}", if parts == 1 { "" } else { "s" })
}
