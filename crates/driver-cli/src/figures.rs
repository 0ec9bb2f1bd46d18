//! How the figures of an outcome are written, for people.

use driver_streaming::{ArchiveStatus, SolverStatus};
use indicatif::DecimalBytes;

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
        ArchiveStatus::Failed => "failed",
        ArchiveStatus::Cancelled => "cancelled",
        ArchiveStatus::Skipped => "skipped",
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
