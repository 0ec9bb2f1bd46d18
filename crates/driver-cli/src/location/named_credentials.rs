use std::sync::Arc;

use archive_sink::CommitError;
use async_trait::async_trait;
use object_store::CredentialProvider;

use driver_streaming::error_chain;

/// The credentials of a provider, whose want can be told from what a store says: object_store has one kind of error for
/// both, and only the first leaves no doubt that nothing was sent.
#[derive(Debug)]
pub(super) struct NamedCredentials<C> {
    provider: Arc<dyn CredentialProvider<Credential = C>>,
}

impl<C> NamedCredentials<C> {
    pub(super) fn new(provider: Arc<dyn CredentialProvider<Credential = C>>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl<C: std::fmt::Debug + Send + Sync> CredentialProvider for NamedCredentials<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        let found = self.provider.get_credential().await;
        found.map_err(|source| object_store::Error::Generic {
            store: "credentials",
            source: Box::new(NoCredentials { source }),
        })
    }
}

/// There are no credentials to sign a request with, so it was not sent.
#[derive(Debug, thiserror::Error)]
#[error("there are no credentials to be had")]
struct NoCredentials {
    #[source]
    source: object_store::Error,
}

/// Why nothing is committed, if it is that the last request could not be signed: what asked the store afterwards could not
/// be either, so that `error` leaves open what is known all the same.
pub(super) fn unsigned(error: &CommitError) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use archive_sink::Archive;
    use object_store::aws::{AmazonS3Builder, AwsCredential};
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[derive(Debug)]
    struct Missing;

    #[async_trait]
    impl CredentialProvider for Missing {
        type Credential = AwsCredential;

        async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
            Err(object_store::Error::Generic {
                store: "test",
                source: "nobody is there".into(),
            })
        }
    }

    #[tokio::test]
    async fn what_could_not_be_signed_is_known_not_to_be_there() {
        for (credentials, is_known) in [
            (
                Arc::new(Missing) as Arc<dyn CredentialProvider<Credential = _>>,
                false,
            ),
            (Arc::new(NamedCredentials::new(Arc::new(Missing))), true),
        ] {
            // Nothing is sent: requests are signed first.
            let store = AmazonS3Builder::new()
                .with_bucket_name("bucket")
                .with_endpoint("http://127.0.0.1:1")
                .with_allow_http(true)
                .with_credentials(credentials)
                .build()
                .unwrap();
            let archive = Archive::builder(Arc::new(store)).build().unwrap();
            let mut writer = archive.create("1.json").unwrap();
            writer.write_all(b"{}").await.unwrap();
            let error = writer.commit().await.unwrap_err();
            assert!(matches!(error, CommitError::Unknown { .. }), "{error}");
            let message = unsigned(&error);
            assert_eq!(message.is_some(), is_known);
            if let Some(message) = message {
                assert!(message.starts_with("not committed, "), "{message}");
                assert!(message.contains("nobody is there"), "{message}");
            }
        }
    }
}
