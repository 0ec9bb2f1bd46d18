/// Why a solver cannot be addressed. Messages do not repeat the URL: it may carry a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SolverError {
    /// A solver written without `NAME=`.
    #[error("a solver is written NAME=URL, and this one has no '='")]
    NoName,
    /// The name is empty.
    #[error("the solver's name is empty")]
    EmptyName,
    /// The name has a control character.
    #[error("the solver's name {name:?} has a control character")]
    Name {
        /// The name.
        name: String,
    },
    /// The URL does not parse.
    #[error("the URL of solver {name:?} does not parse")]
    Url {
        /// The solver's name.
        name: String,
        /// What is wrong with the URL.
        #[source]
        source: url::ParseError,
    },
    /// The URL is neither http nor https.
    #[error("the URL of solver {name:?} has the scheme {scheme:?}, and must have http or https")]
    Scheme {
        /// The solver's name.
        name: String,
        /// The URL's scheme.
        scheme: String,
    },
    /// The header describes the body, the connection or how the answer may be encoded.
    #[error("the header {name} is not the caller's to say")]
    Header {
        /// The header's name.
        name: http::HeaderName,
    },
}
