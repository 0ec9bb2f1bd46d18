mod chunk_buffer;
pub(crate) mod compressor;
mod encoded_stream;
mod encoding;
pub(crate) mod output;
mod spill;

pub use encoded_stream::EncodedStream;
