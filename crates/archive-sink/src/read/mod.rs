mod decompressor;
pub(crate) mod error;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod verify;
