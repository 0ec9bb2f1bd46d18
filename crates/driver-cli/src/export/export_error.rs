/// Why an endpoint cannot be exported to. Messages do not repeat it: it may carry a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ExportError {
    /// It does not parse.
    #[error("the endpoint does not parse")]
    Url(#[from] url::ParseError),
    /// It is neither http nor https.
    #[error("the endpoint is no http or https URL")]
    Scheme,
}
