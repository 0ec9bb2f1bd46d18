//! The run in numbers: facts, and tables of the solvers and the archive.

use driver_streaming::{ArchiveStatus, Outcome};
use maud::Markup;

use super::page::{code, facts, number, table, text};
use crate::figures::{UNKNOWN, milliseconds, or_unknown, parts, size, solver_status, times};

/// The class in the stylesheet of what has a status of this name.
pub(super) fn tone(status: &str) -> &'static str {
    match status {
        "ok" => "good",
        "skipped" | "still running" => "muted",
        _ => "bad",
    }
}

/// What is known of the auction as a whole.
pub(super) fn auction_facts(outcome: &Outcome) -> Markup {
    let auction = &outcome.auction;
    let (serialize, compress) = (&outcome.serialize, &outcome.compress);
    let mut found = vec![
        ("id", or_unknown(auction.id.as_deref())),
        ("size", size(auction.bytes)),
        ("documents", serialize.documents.to_string()),
        ("produced", times(serialize.passes)),
        (
            "time spent producing",
            milliseconds(Some(serialize.busy_ms)),
        ),
    ];
    if compress.documents > 0 {
        found.push(("compressed documents", compress.documents.to_string()));
        found.push(("compressed for solvers", times(compress.passes)));
    }
    found.push(("in all", milliseconds(Some(outcome.wall_ms))));
    found.push(("sha256", or_unknown(auction.sha256.as_deref())));
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
    let time = |found: Option<f64>| number(milliseconds(found));
    let rows = outcome.solvers.iter().map(|solver| {
        let status = solver_status(solver.status);
        vec![
            text(&solver.name),
            (tone(status), status.to_owned()),
            number(or_unknown(solver.http_status)),
            number(size(solver.bytes_sent)),
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
            code(or_unknown(solver.document_sha256.as_deref())),
        ]
    });
    let archive = &outcome.archive;
    let stored = match (archive.raw_bytes, archive.stored_bytes) {
        (Some(_), Some(_)) => size(archive.raw_bytes) + " as " + &size(archive.stored_bytes),
        _ => UNKNOWN.to_owned(),
    };
    let archived = (archive.status != ArchiveStatus::Skipped).then(|| {
        vec![
            text("archive"),
            code(or_unknown(archive.location.as_deref())),
            text(or_unknown(archive.codec.as_deref())),
            number(or_unknown(archive.parts.map(parts))),
            text(stored),
            code(or_unknown(archive.sha256.as_deref())),
        ]
    });
    let rows: Vec<_> = solvers.chain(archived).collect();
    table(
        &["who", "where", "encoding", "attempts", "ending", "sha256"],
        &rows,
    )
}
