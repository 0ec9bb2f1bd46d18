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
mod serializer;
mod stream;
mod text;
mod walker;
#[cfg(feature = "tokio")]
mod writer;
#[cfg(feature = "tokio")]
mod writer_channel;

pub use document::{DEFAULT_CHUNK_SIZE, JsonDocument, to_stream};
pub use error::JsonError;
pub use history::JsonStatistics;
pub use lazy::{LazyJson, LazyObject};
pub use stream::{CountLength, JsonSource, JsonStream};
pub use text::RawJson;
#[cfg(feature = "tokio")]
pub use writer::{ChunkedWriter, ChunkedWriterBuilder};
#[cfg(feature = "tokio")]
pub use writer_channel::{Chunks, ChunksError, ReaderGone};
