#![doc = include_str!("../README.md")]

mod archive;
mod auction;
mod body;
#[cfg(feature = "cli")]
pub mod cli;
mod dispatch;
mod document;
mod error_chain;
mod feed;
#[cfg(feature = "generator")]
pub mod generator;
mod http_client;
mod outcome;
#[cfg(feature = "page")]
pub mod page;
mod pipeline;
mod progress;
mod replay;
mod solver;
#[cfg(feature = "stand-in")]
pub mod stand_in;
mod telemetry;
#[cfg(feature = "cli")]
mod timeline;

pub use archive_sink::{Codec, CodecKind};
pub use chunked_writer::{JsonDocument, LazyJson, LazyObject};
pub use measured_body::Ending;
pub use tee_stream::{AfterPatience, LagPolicy};

pub use self::archive::ArchiveTarget;
#[cfg(feature = "object-stores")]
pub use self::archive::{LocationError, StoreLocation};
pub use self::auction::{
    AuctionId, AuctionIdError, AuctionView, Omission, ParseError, Problem, RawAuction,
    closing_members,
};
pub use self::dispatch::{Dispatch, View};
pub use self::document::{Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture};
pub use self::error_chain::error_chain;
pub use self::outcome::{
    ArchiveOutcome, ArchiveStatus, AuctionOutcome, CompressOutcome, Outcome, SerializeOutcome,
    SolverOutcome, SolverStatus,
};
pub use self::pipeline::{PendingArchive, Pipeline, PipelineBuilder, PipelineError};
pub use self::progress::{Progress, ReaderProgress, Stage};
pub use self::replay::{ArchivedDocument, RewriteError};
pub use self::solver::{Solver, SolverError};
