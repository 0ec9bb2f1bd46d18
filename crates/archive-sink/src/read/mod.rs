mod decompressor;
pub(crate) mod error;
pub(crate) mod limit;
pub(crate) mod open;
pub(crate) mod reader;
mod verify;
