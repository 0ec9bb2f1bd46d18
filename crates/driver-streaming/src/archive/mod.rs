//! Where auctions are kept.

mod archive_job;
mod archive_target;
#[cfg(feature = "object-stores")]
mod location;
#[cfg(feature = "object-stores")]
mod location_error;
mod object_writer;

pub use self::archive_target::ArchiveTarget;
#[cfg(feature = "object-stores")]
pub use self::location::StoreLocation;
#[cfg(feature = "object-stores")]
pub use self::location_error::LocationError;
