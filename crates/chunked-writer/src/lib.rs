#![doc = include_str!("../README.md")]

mod checkpoints;
mod compound;
mod count_length;
mod document;
mod error;
mod escape;
mod fingerprint;
mod history;
mod lazy;
mod map_key;
mod path;
mod production;
mod raw_json;
mod serializer;
mod stream;
mod verifier;
mod walker;
#[cfg(feature = "tokio")]
mod writer;
#[cfg(feature = "tokio")]
mod writer_channel;

pub use count_length::CountLength;
pub use document::{DEFAULT_CHUNK_SIZE, JsonDocument, to_stream};
pub use error::JsonError;
pub use history::JsonStatistics;
pub use lazy::{LazyJson, LazyObject};
pub use raw_json::RawJson;
pub use stream::{JsonSource, JsonStream};
#[cfg(feature = "tokio")]
pub use writer::{ChunkedWriter, ChunkedWriterBuilder};
#[cfg(feature = "tokio")]
pub use writer_channel::{Chunks, ChunksError, ReaderGone};
