use indicatif::DecimalBytes;

use crate::page::{Cell, Table, Tone};
use driver_streaming::{ArchiveStatus, Outcome, SolverOutcome, SolverStatus};

/// What is not known.
const UNKNOWN: &str = "–";

/// What is known of the auction as a whole.
pub(super) fn auction_facts(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let auction = &outcome.auction;
    let (serialize, compress) = (&outcome.serialize, &outcome.compress);
    let mut facts = vec![
        ("id", or_unknown(auction.id.clone())),
        ("size", or_unknown(auction.bytes.map(size))),
        ("documents", serialize.documents.to_string()),
        ("produced", times(serialize.passes)),
        ("time spent producing", milliseconds(serialize.busy_ms)),
    ];
    if compress.documents > 0 {
        facts.push(("compressed documents", compress.documents.to_string()));
        facts.push(("compressed for solvers", times(compress.passes)));
    }
    facts.push(("in all", milliseconds(outcome.wall_ms)));
    facts.push(("sha256", or_unknown(auction.sha256.clone())));
    facts
}

/// Why whatever failed did. `None` when nothing did.
pub(super) fn failures(outcome: &Outcome) -> Option<Table> {
    let solvers = outcome.solvers.iter().filter_map(|solver| {
        let error = solver.error.as_deref()?;
        Some((solver.name.as_str(), error))
    });
    let archive = outcome.archive.error.as_deref();
    let archive = archive.map(|error| ("archive", error));
    let mut rows = solvers.chain(archive).peekable();
    rows.peek()?;
    let table = Table::new(["who", "why"]);
    Some(rows.fold(table, |table, (name, error)| {
        table.row([Cell::from(name), Cell::from(error)])
    }))
}

/// How long what took.
pub(super) fn measurements(outcome: &Outcome) -> Table {
    let table = Table::new([
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
    ]);
    outcome
        .solvers
        .iter()
        .fold(table, |table, solver| table.row(measured(solver)))
}

fn measured(solver: &SolverOutcome) -> [Cell; 10] {
    let (status, tone) = match solver.status {
        SolverStatus::Ok => ("ok", Tone::Good),
        SolverStatus::Failed => ("failed", Tone::Bad),
        SolverStatus::TimedOut => ("timed out", Tone::Bad),
        SolverStatus::Cancelled => ("cancelled", Tone::Bad),
    };
    let time = |found: Option<f64>| Cell::number(or_unknown(found.map(milliseconds)));
    [
        Cell::from(solver.name.as_str()),
        Cell::from(status).tone(tone),
        Cell::number(or_unknown(solver.http_status.map(|code| code.to_string()))),
        Cell::number(or_unknown(solver.bytes_sent.map(size))),
        time(solver.to_first_poll_ms),
        time(solver.transmission_ms),
        time(solver.busy_ms),
        time(solver.producer_wait_ms),
        time(solver.consumer_wait_ms),
        time(solver.response_ms),
    ]
}

/// What was sent to whom, and what is kept.
pub(super) fn requests(outcome: &Outcome) -> Table {
    let table = Table::new(["who", "where", "encoding", "attempts", "ending", "sha256"]);
    let mut table = outcome.solvers.iter().fold(table, |table, solver| {
        table.row([
            Cell::from(solver.name.as_str()),
            Cell::code(solver.url.as_str()),
            Cell::from(solver.encoding.unwrap_or("none")),
            Cell::number(solver.attempts.to_string()),
            Cell::from(solver.ending.map_or(UNKNOWN, |ending| ending.as_str())),
            Cell::code(or_unknown(solver.document_sha256.clone())),
        ])
    });
    let archive = &outcome.archive;
    if archive.status != ArchiveStatus::Skipped {
        let stored = match (archive.raw_bytes, archive.stored_bytes) {
            (Some(raw), Some(stored)) => format!("{} as {}", size(raw), size(stored)),
            _ => UNKNOWN.to_owned(),
        };
        table = table.row([
            Cell::from("archive"),
            Cell::code(or_unknown(archive.location.clone())),
            Cell::from(or_unknown(archive.codec.clone())),
            Cell::number(or_unknown(archive.parts.map(parts))),
            Cell::from(stored),
            Cell::code(or_unknown(archive.sha256.clone())),
        ]);
    }
    table
}

fn or_unknown(found: Option<String>) -> String {
    found.unwrap_or_else(|| UNKNOWN.to_owned())
}

fn times(passes: Option<f64>) -> String {
    or_unknown(passes.map(|passes| format!("{passes:.2} times")))
}

fn parts(parts: u64) -> String {
    match parts {
        1 => "1 part".to_owned(),
        parts => format!("{parts} parts"),
    }
}

fn size(bytes: u64) -> String {
    DecimalBytes(bytes).to_string()
}

fn milliseconds(milliseconds: f64) -> String {
    format!("{milliseconds:.1} ms")
}
