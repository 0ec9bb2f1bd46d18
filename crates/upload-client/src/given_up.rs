/// The source of errors of a request, and of its connection, that its owner has given up.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up")]
pub(super) struct GivenUp;
