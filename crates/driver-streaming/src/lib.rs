#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(feature = "archive"),
    allow(dead_code, reason = "what only the archive and the digests use")
)]

mod answer;
#[cfg(feature = "archive")]
mod archive;
mod auction_id;
mod builder;
mod content_coding;
mod digest;
mod document;
mod encoding;
mod endpoint;
mod exchange;
mod failure;
mod observer;
mod optional_archive;
mod outcome;
mod pipeline;
mod request;
mod request_body;
#[cfg(feature = "reqwest")]
mod reqwest;
mod retry;
#[cfg(all(test, feature = "archive", feature = "gzip"))]
mod run_tests;
mod sharing;
mod solver;
#[cfg(feature = "spool")]
mod spooled_archive;
mod stream_body;
mod views;
mod window_budget;

#[cfg(feature = "archive")]
pub use archive_sink::{Codec, CodecKind};
#[cfg(feature = "spool")]
pub use archive_sink::{Spool, SpoolStatus};
pub use chunked_writer::{JsonDocument, LazyJson, LazyObject};
pub use measured_body::{Ending, Measurements, ProductionMeter};
pub use tee_stream::{AfterPatience, LagPolicy};

#[cfg(feature = "archive")]
pub use self::archive::ArchiveTarget;
pub use self::auction_id::{AuctionId, AuctionIdError};
pub use self::builder::{PipelineBuilder, PipelineError};
pub use self::content_coding::decode_content;
pub use self::digest::{DocumentDigest, SharedDigest};
pub use self::document::{Document, DocumentError, DocumentStream, LengthFuture, skip_bytes};
pub use self::endpoint::SolverError;
pub use self::failure::{AnswerError, SolverFailure, error_chain};
pub use self::observer::{Observer, Progress, ReaderProgress, RunStart, Stage};
pub use self::outcome::{
    ArchiveOutcome, ArchiveStatus, AuctionOutcome, CompressOutcome, Outcome, SerializeOutcome,
    SolverOutcome, SolverStatus,
};
pub use self::pipeline::{PendingArchive, Pipeline};
pub use self::request_body::RequestBody;
pub use self::solver::Solver;
#[cfg(feature = "archive")]
pub use self::stream_body::{ArchiveError, ArchiveHandle, stream_body_and_archive};
pub use self::stream_body::{BodyHandle, BodyMeasurements, stream_body};
pub use self::views::{Dispatch, View};
