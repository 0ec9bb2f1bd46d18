#![doc = include_str!("../README.md")]

mod checkpoints;
mod compound;
mod count_length;
mod document;
mod error;
mod escape;
mod fingerprint;
mod frame;
mod production;
mod raw_json;
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
pub use raw_json::RawJson;
pub use statistics::JsonStatistics;
pub use stream::JsonStream;
