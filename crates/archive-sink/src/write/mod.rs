pub(crate) mod attempt;
pub(crate) mod commit;
pub(crate) mod error;
pub(crate) mod multipart_upload;
mod part_writer;
pub(crate) mod tasks;
pub(crate) mod writer;
