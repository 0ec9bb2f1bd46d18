//! The run in numbers: facts, and tables of the solvers and the archive.

use driver_streaming::{ArchiveStatus, Outcome, SolverStatus};
use indicatif::DecimalBytes;
use maud::Markup;

use super::page::{code, facts, number, table, text};

/// What is not known.
const UNKNOWN: &str = "–";

/// A solver's status: its class in the stylesheet, and its name.
pub(super) fn solver_status(status: SolverStatus) -> (&'static str, &'static str) {
    match status {
        SolverStatus::Ok => ("good", "ok"),
        SolverStatus::Failed => ("bad", "failed"),
        SolverStatus::TimedOut => ("bad", "timed out"),
        SolverStatus::Cancelled => ("bad", "cancelled"),
    }
}

/// The archive's status: its class in the stylesheet, and its name.
pub(super) fn archive_status(status: ArchiveStatus) -> (&'static str, &'static str) {
    match status {
        ArchiveStatus::Ok => ("good", "ok"),
        ArchiveStatus::Failed => ("bad", "failed"),
        ArchiveStatus::Cancelled => ("bad", "cancelled"),
        ArchiveStatus::Skipped => ("muted", "skipped"),
        ArchiveStatus::Running => ("muted", "still running"),
    }
}

/// What is known of the auction as a whole.
pub(super) fn auction_facts(outcome: &Outcome) -> Markup {
    let auction = &outcome.auction;
    let (serialize, compress) = (&outcome.serialize, &outcome.compress);
    let mut found = vec![
        ("id", or_unknown(auction.id.clone())),
        ("size", or_unknown(auction.bytes.map(size))),
        ("documents", serialize.documents.to_string()),
        ("produced", times(serialize.passes)),
        ("time spent producing", milliseconds(serialize.busy_ms)),
    ];
    if compress.documents > 0 {
        found.push(("compressed documents", compress.documents.to_string()));
        found.push(("compressed for solvers", times(compress.passes)));
    }
    found.push(("in all", milliseconds(outcome.wall_ms)));
    found.push(("sha256", or_unknown(auction.sha256.clone())));
    facts(&found)
}

/// Why each failure happened. `None` when there was none.
pub(super) fn failures(outcome: &Outcome) -> Option<Markup> {
    let solvers = outcome.solvers.iter();
    let solvers = solvers.map(|solver| (solver.name.as_str(), &solver.error));
    let readers = solvers.chain([("archive", &outcome.archive.error)]);
    let rows: Vec<_> = readers
        .filter_map(|(name, error)| Some(vec![text(name), text(error.as_deref()?)]))
        .collect();
    (!rows.is_empty()).then(|| table(&["who", "why"], &rows))
}

/// How long each solver took.
pub(super) fn measurements(outcome: &Outcome) -> Markup {
    let headers = [
        "solver",
        "status",
        "HTTP",
        "bytes",
        "first poll",
        "transmission",
        "busy",
        "waited for data",
        "waited for solver",
        "answered",
    ];
    let time = |found: Option<f64>| number(or_unknown(found.map(milliseconds)));
    let rows = outcome.solvers.iter().map(|solver| {
        let (tone, status) = solver_status(solver.status);
        vec![
            text(&solver.name),
            (tone, status.to_owned()),
            number(or_unknown(solver.http_status.map(|code| code.to_string()))),
            number(or_unknown(solver.bytes_sent.map(size))),
            time(solver.to_first_poll_ms),
            time(solver.transmission_ms),
            time(solver.busy_ms),
            time(solver.producer_wait_ms),
            time(solver.consumer_wait_ms),
            time(solver.response_ms),
        ]
    });
    table(&headers, &rows.collect::<Vec<_>>())
}

/// What was sent to whom, and what is kept.
pub(super) fn requests(outcome: &Outcome) -> Markup {
    let solvers = outcome.solvers.iter().map(|solver| {
        vec![
            text(&solver.name),
            code(&solver.url),
            text(solver.encoding.unwrap_or("none")),
            number(solver.attempts.to_string()),
            text(solver.ending.map_or(UNKNOWN, |ending| ending.as_str())),
            code(or_unknown(solver.document_sha256.clone())),
        ]
    });
    let archive = &outcome.archive;
    let stored = match (archive.raw_bytes, archive.stored_bytes) {
        (Some(raw), Some(stored)) => format!("{} as {}", size(raw), size(stored)),
        _ => UNKNOWN.to_owned(),
    };
    let archived = (archive.status != ArchiveStatus::Skipped).then(|| {
        vec![
            text("archive"),
            code(or_unknown(archive.location.clone())),
            text(or_unknown(archive.codec.clone())),
            number(or_unknown(archive.parts.map(parts))),
            text(stored),
            code(or_unknown(archive.sha256.clone())),
        ]
    });
    let rows: Vec<_> = solvers.chain(archived).collect();
    table(
        &["who", "where", "encoding", "attempts", "ending", "sha256"],
        &rows,
    )
}

fn or_unknown(found: Option<String>) -> String {
    found.unwrap_or_else(|| UNKNOWN.to_owned())
}

fn times(passes: Option<f64>) -> String {
    or_unknown(passes.map(|passes| format!("{passes:.2} times")))
}

fn parts(parts: u64) -> String {
    format!("{parts} part{}", if parts == 1 { "" } else { "s" })
}

fn size(bytes: u64) -> String {
    DecimalBytes(bytes).to_string()
}

fn milliseconds(milliseconds: f64) -> String {
    format!("{milliseconds:.1} ms")
}
