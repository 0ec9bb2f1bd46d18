#![doc = include_str!("../README.md")]

#[cfg(feature = "http-body")]
mod body;
mod buffer;
mod checkpoints;
mod compound;
mod count_length;
mod document;
mod error;
mod escape;
mod fingerprint;
mod frame;
mod lazy;
mod production;
#[cfg(feature = "tokio")]
mod push;
mod raw_json;
#[cfg(feature = "tokio")]
mod reader;
mod serializer;
mod shared;
mod statistics;
mod stream;
mod text;
mod unwind;
mod verifier;
mod walker;

pub use count_length::CountLength;
pub use document::{DEFAULT_CHUNK_SIZE, JsonDocument};
pub use error::JsonError;
pub use lazy::{CountLazyLength, LazyDocument, LazyJson, LazyObject, LazyStream};
#[cfg(feature = "tokio")]
pub use push::{ChunkedWriter, ChunkedWriterBuilder, Chunks, ChunksError, ReaderGone};
pub use raw_json::RawJson;
#[cfg(feature = "tokio")]
pub use reader::ChunkReader;
pub use statistics::JsonStatistics;
pub use stream::JsonStream;
