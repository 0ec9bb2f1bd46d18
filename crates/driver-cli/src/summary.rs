//! The outcome of a run as text.

use indicatif::DecimalBytes;
use measured_body::Ending;

use driver_streaming::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome, SolverStatus};

/// The outcome as people read it.
pub(super) fn summary(outcome: &Outcome) -> String {
    let auction = &outcome.auction;
    let mut lines = vec![format!(
        "auction {}: {}, sha256 {}",
        auction.id.as_deref().unwrap_or("without id"),
        size(auction.bytes),
        short(auction.sha256.as_deref())
    )];
    let names = outcome.solvers.iter().map(|solver| solver.name.chars());
    let widest = names.map(Iterator::count).max().unwrap_or(0);
    for solver in &outcome.solvers {
        lines.push(format!(
            "  {:<widest$}  {}",
            solver.name,
            solver_line(solver)
        ));
    }
    lines.push(format!("archive {}", archive_line(&outcome.archive)));
    let (serialize, compress) = (&outcome.serialize, &outcome.compress);
    let documents = match serialize.documents {
        0 | 1 => String::new(),
        documents => format!("{documents} documents "),
    };
    let compressed = match compress.documents {
        0 => String::new(),
        documents => {
            let passes = times(compress.passes);
            format!("{documents} compressed for solvers {passes} times; ")
        }
    };
    lines.push(format!(
        "{documents}produced {} times in {:.1} ms; {compressed}{:.1} ms in all",
        times(serialize.passes),
        serialize.busy_ms,
        outcome.wall_ms
    ));
    lines.join("\n")
}

fn times(passes: Option<f64>) -> String {
    passes.map_or_else(|| "?".to_owned(), |passes| format!("{passes:.2}"))
}

fn solver_line(solver: &SolverOutcome) -> String {
    let status = match solver.status {
        SolverStatus::Ok => "ok",
        SolverStatus::Failed => "failed",
        SolverStatus::TimedOut => "timed out",
        SolverStatus::Cancelled => "cancelled",
    };
    let http = solver.http_status.map(|status| format!(" ({status})"));
    let mut text = format!("{status}{}: ", http.unwrap_or_default());
    match (solver.transmission_ms, solver.to_first_poll_ms) {
        (Some(transmission), Some(first)) => {
            let encoding = solver.encoding.map(|encoding| format!(" of {encoding}"));
            text += &format!(
                "{}{} in {transmission:.1} ms after {first:.1} ms, of it waited {} for data, {} for the solver",
                size(solver.bytes_sent),
                encoding.unwrap_or_default(),
                time(solver.producer_wait_ms),
                time(solver.consumer_wait_ms)
            );
        }
        _ => text += "nothing was sent",
    }
    if let Some(answered) = solver.response_ms {
        text += &format!("; answered at {answered:.1} ms");
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
    match archive.status {
        ArchiveStatus::Skipped => "skipped".to_owned(),
        ArchiveStatus::Running => "still running".to_owned(),
        ArchiveStatus::Failed => format!(
            "failed: {}",
            archive.error.as_deref().unwrap_or("for an unknown reason")
        ),
        ArchiveStatus::Cancelled => archive.error.as_deref().unwrap_or("cancelled").to_owned(),
        ArchiveStatus::Ok => {
            let how = match archive.parts {
                None => "was there already".to_owned(),
                Some(1) => "in one part".to_owned(),
                Some(parts) => format!("in {parts} parts"),
            };
            format!(
                "ok: {} as {} of {}, {how}, at {}",
                size(archive.raw_bytes),
                size(archive.stored_bytes),
                archive.codec.as_deref().unwrap_or("?"),
                archive.location.as_deref().unwrap_or("?"),
            )
        }
    }
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "? bytes".to_owned(),
        |bytes| DecimalBytes(bytes).to_string(),
    )
}

fn time(milliseconds: Option<f64>) -> String {
    milliseconds.map_or_else(
        || "?".to_owned(),
        |milliseconds| format!("{milliseconds:.1} ms"),
    )
}

fn short(digest: Option<&str>) -> &str {
    digest.map_or("unknown", |digest| digest.get(..16).unwrap_or(digest))
}
