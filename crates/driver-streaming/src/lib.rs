#![doc = include_str!("../README.md")]

mod archive;
mod auction_id;
mod dispatch;
mod document;
mod error_chain;
mod feed;
mod outcome;
mod pipeline;
mod progress;
mod solver;
mod telemetry;

pub use archive_sink::{Codec, CodecKind};
pub use chunked_writer::{JsonDocument, LazyJson, LazyObject};
pub use measured_body::Ending;
pub use tee_stream::{AfterPatience, LagPolicy};

pub use self::archive::{ArchiveTarget, NoCredentials, unsigned};
pub use self::auction_id::{AuctionId, AuctionIdError};
pub use self::dispatch::{Dispatch, View};
pub use self::document::{
    DigestCell, Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture, Skip,
};
pub use self::error_chain::error_chain;
pub use self::outcome::{
    ArchiveOutcome, ArchiveStatus, AuctionOutcome, CompressOutcome, Outcome, SerializeOutcome,
    SolverOutcome, SolverStatus, milliseconds,
};
pub use self::pipeline::{PendingArchive, Pipeline, PipelineBuilder, PipelineError};
pub use self::progress::{Observer, Progress, ReaderProgress, Stage};
pub use self::solver::{Solver, SolverError, is_reserved};
