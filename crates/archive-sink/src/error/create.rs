use thiserror::Error;

use crate::KeyError;

/// Why [`Archive::create`](crate::Archive::create), [`create_encoded`](crate::Archive::create_encoded) or
/// [`location_of`](crate::Archive::location_of) refused a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name breaks one of the rules for keys.
    #[error("cannot archive under this name: {0}")]
    Key(#[from] KeyError),
}
