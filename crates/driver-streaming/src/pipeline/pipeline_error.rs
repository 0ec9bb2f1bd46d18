/// Why a [`Pipeline`](crate::Pipeline) cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// Two solvers have one name, so that reports could not tell them apart.
    #[error("two solvers are named {name:?}")]
    SameName {
        /// The name.
        name: String,
    },
    /// A solver is to be told the length of requests that are compressed, and nobody knows it before they are.
    #[error(
        "solver {name:?} has an encoding and wants a length, and the length of what is compressed is not known before"
    )]
    LengthOfEncoded {
        /// The solver's name.
        name: String,
    },
    /// A solver's encoding is not compiled, or has no such level.
    #[error("the encoding of solver {name:?} cannot be used")]
    Encoding {
        /// The solver's name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: archive_sink::CodecError,
    },
    /// The HTTP client cannot be set up: TLS has no usable certificate authorities, for one.
    #[error("the HTTP client cannot be set up")]
    Client {
        /// What is missing.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
