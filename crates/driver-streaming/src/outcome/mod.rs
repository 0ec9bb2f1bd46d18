//! What happened to one auction: for every solver, for the archive, and for the document itself.

mod archive_outcome;
mod milliseconds;
mod solver_outcome;

use serde::Serialize;

pub use self::archive_outcome::{ArchiveOutcome, ArchiveStatus};
pub(crate) use self::milliseconds::milliseconds;
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
    /// Producing the document.
    pub serialize: SerializeOutcome,
    /// From the first request's start to the last reader's end.
    pub wall_ms: f64,
}

/// The auction that was sent.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AuctionOutcome {
    /// The id, if it has one.
    pub id: Option<String>,
    /// The raw document's length; `None` when no reader took it to its end.
    pub bytes: Option<u64>,
    /// The raw document's SHA-256 in hex; `None` when no reader took it to its end.
    pub sha256: Option<String>,
}

/// What producing the document took.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SerializeOutcome {
    /// Time spent producing, apart from time spent waiting, in all productions.
    pub busy_ms: f64,
    /// Bytes produced over the document's bytes: 1 when one production served all readers.
    pub passes: Option<f64>,
}

impl Outcome {
    /// Whether every solver answered well and the archive, if there was to be one, is whole.
    pub fn is_ok(&self) -> bool {
        self.archive.status != ArchiveStatus::Failed
            && self
                .solvers
                .iter()
                .all(|solver| solver.status == SolverStatus::Ok)
    }
}
