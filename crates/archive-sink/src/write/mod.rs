pub(crate) mod abort_on_drop;
pub(crate) mod background;
mod commit;
pub(crate) mod compressor;
mod look;
mod part_buffer;
pub(crate) mod part_schedule;
mod receipt;
mod send_all;
pub(crate) mod upload;
mod writer;

pub use receipt::{Placement, Receipt};
pub use writer::ArchiveWriter;
