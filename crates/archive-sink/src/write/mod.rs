pub(crate) mod abort_on_drop;
pub(crate) mod background;
mod commit;
pub(crate) mod compressor;
mod look;
mod part_buffer;
pub(crate) mod part_schedule;
mod receipt;
mod send_all;
mod upload;
mod writer;

pub(crate) use upload::abort as upload_abort;

pub use receipt::{Placement, Receipt};
pub use writer::ArchiveWriter;
