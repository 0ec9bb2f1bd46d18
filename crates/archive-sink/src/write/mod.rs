pub(crate) mod commit;
pub(crate) mod error;
mod existing;
pub(crate) mod part;
mod part_writer;
pub(crate) mod tasks;
pub(crate) mod upload;
pub(crate) mod writer;
