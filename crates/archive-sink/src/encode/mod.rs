pub(crate) mod block_buffer;
pub(crate) mod compressor;
pub(crate) mod encoded_stream;
