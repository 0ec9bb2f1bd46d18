#![doc = include_str!("../README.md")]

mod archive;
mod auction;
mod body;
#[cfg(feature = "cli")]
pub mod cli;
mod document;
mod error_chain;
#[cfg(feature = "generator")]
pub mod generator;
#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "used by the exchange")
)]
mod http_client;
mod outcome;
mod pipeline;
mod progress;
mod replay;
mod solver;
#[cfg(feature = "stand-in")]
pub mod stand_in;
mod telemetry;

pub use chunked_writer::JsonDocument;
pub use measured_body::Ending;

pub use self::archive::ArchiveTarget;
#[cfg(feature = "object-stores")]
pub use self::archive::{LocationError, StoreLocation};
pub use self::auction::{AuctionId, AuctionIdError, ParseError, Problem, RawAuction};
pub use self::document::{Document, DocumentDigest, DocumentError, DocumentStream};
pub use self::error_chain::error_chain;
pub use self::outcome::{
    ArchiveOutcome, ArchiveStatus, AuctionOutcome, Outcome, SerializeOutcome, SolverOutcome,
    SolverStatus,
};
pub use self::pipeline::{Pipeline, PipelineBuilder, PipelineError};
pub use self::progress::{Progress, ReaderProgress, Stage};
pub use self::replay::{ArchivedDocument, RewriteError};
pub use self::solver::{Solver, SolverError};
