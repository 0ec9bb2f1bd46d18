#![doc = include_str!("../README.md")]

#[cfg(feature = "http-body")]
mod body;
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
pub use lazy::{LazyDocument, LazyJson, LazyObject, LazyStream};
pub use raw_json::RawJson;
#[cfg(feature = "tokio")]
pub use reader::ChunkReader;
pub use statistics::JsonStatistics;
pub use stream::JsonStream;
