pub(crate) mod compressor;
pub(crate) mod encoded_stream;
mod encoding;
