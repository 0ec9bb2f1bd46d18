mod async_read;
mod decompressor;
mod limit;
mod object_version;
pub(crate) mod open;
mod reader;
mod verifier;

pub use limit::ReadLimit;
pub use object_version::ObjectVersion;
pub use reader::ArchiveReader;
