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
    /// The HTTP client refused its settings, such as a proxy from the environment or the TLS roots.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}
