//! The outcome of a run as text.

use driver_streaming::{ArchiveOutcome, ArchiveStatus, Outcome, SolverOutcome};
use measured_body::Ending;

use crate::figures::{archive_status, milliseconds, or_unknown, parts, size, solver_status, times};

/// The outcome as people read it.
pub(super) fn summary(outcome: &Outcome) -> String {
    let (auction, serialize, compress) = (&outcome.auction, &outcome.serialize, &outcome.compress);
    let id = auction.id.as_deref().unwrap_or("without id");
    let digest = auction.sha256.as_deref();
    let digest = or_unknown(digest.map(|digest| digest.get(..16).unwrap_or(digest)));
    let mut text = format!("auction {id}: {}, sha256 {digest}\n", size(auction.bytes));
    let names = outcome.solvers.iter().map(|solver| solver.name.chars());
    let widest = names.map(Iterator::count).max().unwrap_or(0);
    for solver in &outcome.solvers {
        text += &format!("  {:<widest$}  {}\n", solver.name, solver_line(solver));
    }
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

fn solver_line(solver: &SolverOutcome) -> String {
    let mut text = solver_status(solver.status).to_owned();
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
    let status = archive_status(archive.status);
    match (archive.status, &archive.error) {
        (ArchiveStatus::Ok, _) => {
            let how = archive.parts.map(|count| format!("in {}", parts(count)));
            format!(
                "ok: {} as {} of {}, {}, at {}",
                size(archive.raw_bytes),
                size(archive.stored_bytes),
                or_unknown(archive.codec.as_deref()),
                how.as_deref().unwrap_or("was there already"),
                or_unknown(archive.location.as_deref()),
            )
        }
        (ArchiveStatus::Cancelled, Some(error)) => error.clone(),
        (ArchiveStatus::Failed, Some(error)) => format!("failed: {error}"),
        _ => status.to_owned(),
    }
}
