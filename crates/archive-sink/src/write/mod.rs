pub(crate) mod abort_on_drop;
pub(crate) mod background;
mod commit;
mod encoded_writer;
mod look;
mod part_buffer;
pub(crate) mod part_schedule;
mod receipt;
pub(crate) mod running;
mod send_all;
mod task;
mod told;
pub(crate) mod upload;
mod writer;
mod writer_polls;

pub use encoded_writer::EncodedWriter;
pub use receipt::{Placement, Receipt};
pub use writer::ArchiveWriter;
