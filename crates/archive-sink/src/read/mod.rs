mod async_read;
mod decompressor;
mod limit;
pub(crate) mod open;
mod reader;
mod verifier;

pub use limit::ReadLimit;
pub use reader::ArchiveReader;
