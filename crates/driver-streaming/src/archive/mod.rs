//! Where auctions are kept.

mod archive_job;
mod archive_target;
mod no_credentials;

pub use self::archive_target::ArchiveTarget;
pub use self::no_credentials::{NoCredentials, unsigned};
