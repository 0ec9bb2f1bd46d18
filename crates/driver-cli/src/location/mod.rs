//! Where archives are: paths and URLs of stores.

#[expect(clippy::module_inception, reason = "merged with its folder next")]
mod location;
mod location_error;
mod named_credentials;

pub use self::location::StoreLocation;
pub use self::location_error::LocationError;
