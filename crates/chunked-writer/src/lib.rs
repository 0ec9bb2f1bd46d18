#![doc = include_str!("../README.md")]

mod compound;
mod document;
mod error;
mod escape;
mod fingerprint;
mod frame;
mod history;
mod lazy;
mod production;
#[cfg(feature = "tokio")]
mod push;
mod raw_json;
mod serializer;
mod stream;
mod text;
mod walker;

pub use document::{DEFAULT_CHUNK_SIZE, JsonDocument, to_stream};
pub use error::JsonError;
pub use history::JsonStatistics;
pub use lazy::{LazyJson, LazyObject};
#[cfg(feature = "tokio")]
pub use push::{ChunkedWriter, ChunkedWriterBuilder, Chunks, ChunksError, ReaderGone};
pub use raw_json::RawJson;
pub use stream::{CountLength, JsonSource, JsonStream};
