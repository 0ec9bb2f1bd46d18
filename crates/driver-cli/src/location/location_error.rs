use std::path::PathBuf;

/// Why a location cannot be used. Messages do not repeat the location: it may carry a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// There is no text.
    #[error("the location is empty")]
    Empty,
    /// The URL does not parse.
    #[error("the location's URL does not parse")]
    Url(#[from] url::ParseError),
    /// A scheme that is none of file, memory, s3, gs, az.
    #[error(
        "nothing is known of {scheme}:// locations: use a path, file://, s3://, gs://, az:// or memory://"
    )]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The URL has a user or a password.
    #[error("the location has a user or a password in it: credentials belong in the environment")]
    Credentials,
    /// A known scheme without its slashes: more likely a slip than the name of a folder.
    #[error(
        "the location starts with {scheme}: and lacks the slashes of {scheme}://; write ./{scheme}: for a folder of that name"
    )]
    NoSlashes {
        /// The scheme.
        scheme: &'static str,
    },
    /// A `file://` URL that names no path on this machine.
    #[error("the file:// URL names no path on this machine")]
    FileUrl,
    /// The folder cannot be created or entered.
    #[error("the folder {} cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The location names no object: it ends in a slash, or has no path.
    #[error("the location names no object")]
    NoObject,
    /// The URL's path is no valid key.
    #[error("the location's path is no valid key")]
    Key(#[from] object_store::path::Error),
    /// The store refused its settings, such as credentials from the environment.
    #[error("the store at the location cannot be set up")]
    Store(#[from] object_store::Error),
}
