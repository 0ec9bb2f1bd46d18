//! What must hold of each outcome.

mod archive;
mod solver;

pub(crate) use self::archive::{ArchiveEnd, check_archive};
pub(crate) use self::solver::SolverCheck;
