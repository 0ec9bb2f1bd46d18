//! A writer with a stream of chunks at its other end.

mod channel;
mod chunks;
mod error;
mod writer;

pub use chunks::Chunks;
pub use error::{ChunksError, ReaderGone};
pub use writer::{ChunkedWriter, ChunkedWriterBuilder};
