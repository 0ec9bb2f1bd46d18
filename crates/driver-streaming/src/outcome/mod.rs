//! What happened to one auction: for every solver, for the archive, and for the document itself.

mod archive_outcome;
mod milliseconds;
mod solver_outcome;

use serde::Serialize;

pub use self::archive_outcome::{ArchiveOutcome, ArchiveStatus};
pub use self::milliseconds::milliseconds;
pub use self::solver_outcome::{SolverOutcome, SolverStatus};

/// What happened to one auction. As JSON, what is unknown is `null`; times are in milliseconds.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The auction.
    pub auction: AuctionOutcome,
    /// Each solver, in the order they were given.
    pub solvers: Vec<SolverOutcome>,
    /// The archive.
    pub archive: ArchiveOutcome,
    /// Producing the documents.
    pub serialize: SerializeOutcome,
    /// Compressing them for solvers that ask for it.
    pub compress: CompressOutcome,
    /// From the first request's start to the last reader's end.
    pub wall_ms: f64,
}

/// The auction that was sent.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AuctionOutcome {
    /// The id, if it has one.
    pub id: Option<String>,
    /// The raw document's length; `None` when no reader took it to its end, or none was sent the auction as it is: where
    /// each solver has a view of its own and nothing is archived.
    pub bytes: Option<u64>,
    /// The raw document's SHA-256 in hex; `None` when its length is, or digests are off.
    pub sha256: Option<String>,
}

/// What producing the documents took: one for each view that somebody was sent.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SerializeOutcome {
    /// Time spent producing, apart from time spent waiting, in all productions.
    pub busy_ms: f64,
    /// Bytes produced over the documents' bytes: 1 when one production of each served all its readers. `None` when one
    /// of them was not produced to its end. Runs that overlap and share a document object count each other's productions.
    pub passes: Option<f64>,
    /// How many documents there were.
    pub documents: usize,
}

/// What compressing requests took. An archive that compresses for itself alone is not counted.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CompressOutcome {
    /// Compressed bytes produced over those of the compressed documents: 1 when each was compressed once, and more when one
    /// was compressed again for a reader that had fallen behind, from its beginning. `None` when there are none, or one of
    /// them did not come to its end.
    pub passes: Option<f64>,
    /// How many compressed documents there were.
    pub documents: usize,
}

impl Outcome {
    /// Whether the run was cancelled before all had ended.
    pub fn is_cancelled(&self) -> bool {
        self.archive.status == ArchiveStatus::Cancelled
            || self
                .solvers
                .iter()
                .any(|solver| solver.status == SolverStatus::Cancelled)
    }

    /// Whether every solver answered well and the archive, if there was to be one, is whole.
    pub fn is_ok(&self) -> bool {
        !matches!(
            self.archive.status,
            ArchiveStatus::Failed | ArchiveStatus::Cancelled
        ) && self
            .solvers
            .iter()
            .all(|solver| solver.status == SolverStatus::Ok)
    }
}
