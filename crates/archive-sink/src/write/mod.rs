pub(crate) mod commit;
pub(crate) mod error;
mod existing;
pub(crate) mod multipart_upload;
mod part_writer;
pub(crate) mod tasks;
pub(crate) mod writer;
