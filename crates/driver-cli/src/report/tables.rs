//! The run in numbers: facts, and tables of the solvers.

use driver_streaming::Outcome;
use maud::{Markup, html};

use super::page::{code, facts, number, table, text};
use crate::figures::{known, milliseconds, size, times, words};
use crate::summary::archive_line;

/// The class in the stylesheet for a status.
pub(crate) fn tone(status: &str) -> &'static str {
    match status {
        "ok" | "already there" => "good",
        "skipped" | "running" | "spooled" => "muted",
        _ => "bad",
    }
}

/// The auction as a whole, and its archive.
pub(super) fn auction_facts(outcome: &Outcome) -> Markup {
    let (auction, serialize, compress) = (&outcome.auction, &outcome.serialize, &outcome.compress);
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
    found.push(("archive", archive_line(&outcome.archive)));
    facts(&found)
}

/// How long each solver took.
pub(super) fn measurements(outcome: &Outcome) -> Markup {
    let time = |found: Option<f64>| number(milliseconds(found));
    let rows = outcome.solvers.iter().map(|solver| {
        let status = words(solver.status);
        vec![
            ("solver", text(&solver.name)),
            ("status", (tone(&status), html! { (status) })),
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

/// What each solver was sent.
pub(super) fn requests(outcome: &Outcome) -> Markup {
    let rows = outcome.solvers.iter().map(|solver| {
        let ending = solver.ending.map(|ending| ending.as_str());
        vec![
            ("solver", text(&solver.name)),
            ("URL", code(&solver.url)),
            ("encoding", text(solver.encoding.unwrap_or("none"))),
            ("attempts", number(solver.attempts)),
            ("ending", text(known(ending))),
            ("sha256", code(known(solver.document_sha256.as_deref()))),
        ]
    });
    table(&rows.collect::<Vec<_>>())
}
