use std::fmt::Write;

use indicatif::DecimalBytes;
use measured_body::Ending;

use driver_streaming::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome, SolverStatus};

/// The outcome as people read it.
pub(super) fn summary(outcome: &Outcome) -> String {
    let mut text = String::new();
    let auction = &outcome.auction;
    let id = auction.id.as_deref().unwrap_or("without id");
    line(
        &mut text,
        format_args!(
            "auction {id}: {}, sha256 {}",
            size(auction.bytes),
            short(auction.sha256.as_deref())
        ),
    );
    let widest = outcome
        .solvers
        .iter()
        .map(|solver| solver.name.chars().count())
        .max()
        .unwrap_or(0);
    for solver in &outcome.solvers {
        line(
            &mut text,
            format_args!("  {:<widest$}  {}", solver.name, solver_line(solver)),
        );
    }
    line(
        &mut text,
        format_args!("archive {}", archive_line(&outcome.archive)),
    );
    let (serialize, compress) = (&outcome.serialize, &outcome.compress);
    let documents = match serialize.documents {
        0 | 1 => String::new(),
        documents => format!("{documents} documents "),
    };
    let _infallible = write!(
        text,
        "{documents}produced {} times in {:.1} ms; ",
        times(serialize.passes),
        serialize.busy_ms
    );
    if compress.documents > 0 {
        let _infallible = write!(
            text,
            "{} compressed for solvers {} times; ",
            compress.documents,
            times(compress.passes)
        );
    }
    let _infallible = write!(text, "{:.1} ms in all", outcome.wall_ms);
    text
}

fn times(passes: Option<f64>) -> String {
    passes.map_or_else(|| "?".to_owned(), |passes| format!("{passes:.2}"))
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _infallible = writeln!(text, "{arguments}");
}

fn solver_line(solver: &SolverOutcome) -> String {
    let status = match solver.status {
        SolverStatus::Ok => "ok",
        SolverStatus::Failed => "failed",
        SolverStatus::TimedOut => "timed out",
        SolverStatus::Cancelled => "cancelled",
    };
    let http = solver
        .http_status
        .map(|status| format!(" ({status})"))
        .unwrap_or_default();
    let mut text = format!("{status}{http}: ");
    match (solver.transmission_ms, solver.to_first_poll_ms) {
        (Some(transmission), Some(first)) => {
            let sent = match solver.encoding {
                Some(encoding) => format!("{} of {encoding}", size(solver.bytes_sent)),
                None => size(solver.bytes_sent),
            };
            let (producer, consumer) =
                (time(solver.producer_wait_ms), time(solver.consumer_wait_ms));
            let _infallible = write!(
                text,
                "{sent} in {transmission:.1} ms after {first:.1} ms, of it waited {producer} for data, {consumer} for the solver"
            );
        }
        _ => text.push_str("nothing was sent"),
    }
    if let Some(answered) = solver.response_ms {
        let _infallible = write!(text, "; answered at {answered:.1} ms");
    }
    if solver.http_status.is_some() && solver.ending == Some(Ending::Cancelled) {
        text.push_str(", before it had been sent everything");
    }
    if solver.attempts > 1 {
        let _infallible = write!(text, "; {} attempts", solver.attempts);
    }
    if let Some(error) = &solver.error {
        let _infallible = write!(text, "; {error}");
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
