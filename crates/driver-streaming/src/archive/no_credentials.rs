use archive_sink::CommitError;

use crate::error_chain;

/// There are no credentials to sign a request with, so it was not sent.
#[derive(Debug, thiserror::Error)]
#[error("there are no credentials to be had")]
pub struct NoCredentials {
    /// Why.
    #[source]
    pub source: object_store::Error,
}

/// Why nothing is committed, if it is that the last request could not be signed: what asked the store afterwards could not
/// be either, so that `error` leaves open what is known all the same.
pub fn unsigned(error: &CommitError) -> Option<String> {
    let CommitError::Unknown { source, .. } = error else {
        return None;
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source);
    while let Some(found) = cause {
        if let Some(missing) = found.downcast_ref::<NoCredentials>() {
            let why = error_chain(missing);
            return Some(format!(
                "not committed, since the request could not be signed: {why}"
            ));
        }
        cause = found.source();
    }
    None
}
