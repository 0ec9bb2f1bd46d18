//! Where auctions are kept.

mod archive_job;
mod archive_target;
#[cfg(feature = "object-stores")]
mod location;
#[cfg(feature = "object-stores")]
mod location_error;
#[cfg(feature = "object-stores")]
mod named_credentials;
#[cfg(feature = "object-stores")]
mod no_credentials;

pub use self::archive_target::ArchiveTarget;
#[cfg(feature = "object-stores")]
pub use self::location::StoreLocation;
#[cfg(feature = "object-stores")]
pub use self::location_error::LocationError;
