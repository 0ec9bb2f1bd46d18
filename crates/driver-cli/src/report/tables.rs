//! The run in numbers: facts, and tables of the solvers and the archive.

use driver_streaming::{ArchiveStatus, Outcome};
use maud::Markup;

use super::page::{code, facts, number, table, text};
use crate::summary::{known, milliseconds, parts, size, solver_status, times};

/// The class in the stylesheet of what has a status of this name.
pub(crate) fn tone(status: &str) -> &'static str {
    match status {
        "ok" | "already there" => "good",
        "skipped" | "still running" | "spooled" => "muted",
        _ => "bad",
    }
}

/// What is known of the auction as a whole.
pub(super) fn auction_facts(outcome: &Outcome) -> Markup {
    let auction = &outcome.auction;
    let (serialize, compress) = (&outcome.serialize, &outcome.compress);
    let mut found = vec![
        ("id", known(auction.id.as_deref())),
        ("size", size(auction.bytes)),
        ("documents", serialize.documents.to_string()),
        ("produced", known(serialize.passes.map(times))),
        (
            "time spent producing",
            milliseconds(Some(serialize.busy_ms)),
        ),
    ];
    if compress.documents > 0 {
        found.push(("compressed documents", compress.documents.to_string()));
        found.push(("compressed for solvers", known(compress.passes.map(times))));
    }
    found.push(("in all", milliseconds(Some(outcome.wall_ms))));
    found.push(("sha256", known(auction.sha256.as_deref())));
    facts(&found)
}

/// Why each failure happened. `None` when there was none.
pub(super) fn failures(outcome: &Outcome) -> Option<Markup> {
    let solvers = outcome.solvers.iter();
    let solvers = solvers.map(|solver| (solver.name.as_str(), &solver.error));
    let readers = solvers.chain([("archive", &outcome.archive.error)]);
    let rows = readers.filter_map(|(name, error)| {
        Some(vec![("who", text(name)), ("why", text(error.as_deref()?))])
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| table(&rows))
}

/// How long each solver took.
pub(super) fn measurements(outcome: &Outcome) -> Markup {
    let time = |found: Option<f64>| number(milliseconds(found));
    let rows = outcome.solvers.iter().map(|solver| {
        let status = solver_status(solver.status);
        vec![
            ("solver", text(&solver.name)),
            ("status", (tone(status), status.to_owned())),
            ("HTTP", number(known(solver.http_status))),
            ("bytes", number(size(solver.bytes_sent))),
            ("delivered", time(solver.delivered_ms)),
            ("sending", time(solver.sending_ms)),
            ("waiting for data", time(solver.waiting_for_data_ms)),
            (
                "waiting for the solver to take it",
                time(solver.waiting_for_solver_ms),
            ),
            ("thinking", time(solver.thinking_ms)),
            ("total", time(Some(solver.total_ms))),
        ]
    });
    table(&rows.collect::<Vec<_>>())
}

/// What was sent to whom, and what is kept.
pub(super) fn requests(outcome: &Outcome) -> Markup {
    let solvers = outcome.solvers.iter().map(|solver| {
        vec![
            ("who", text(&solver.name)),
            ("where", code(&solver.url)),
            ("encoding", text(solver.encoding.unwrap_or("none"))),
            ("attempts", number(solver.attempts.to_string())),
            (
                "ending",
                text(known(solver.ending.map(|ending| ending.as_str()))),
            ),
            ("sha256", code(known(solver.document_sha256.as_deref()))),
        ]
    });
    let archive = &outcome.archive;
    let stored = size(archive.raw_bytes) + " as " + &size(archive.stored_bytes);
    let archived = (archive.status != ArchiveStatus::Skipped).then(|| {
        vec![
            ("who", text("archive")),
            ("where", code(known(archive.location.as_deref()))),
            ("encoding", text(known(archive.codec.as_deref()))),
            ("attempts", number(known(archive.parts.map(parts)))),
            ("ending", text(stored)),
            ("sha256", code(known(archive.sha256.as_deref()))),
        ]
    });
    table(&solvers.chain(archived).collect::<Vec<_>>())
}
