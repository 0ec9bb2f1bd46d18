//! Checks the environment's settings of remote stores. `object_store` panics on some wrong ones, sends requests with others,
//! and quotes addresses in its errors.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use archive_sink::{RequestEffect, RequestError};
use async_trait::async_trait;
use object_store::CredentialProvider;
use url::Url;

/// Endings of the names of addresses.
const ADDRESSES: &str =
    "_ENDPOINT _ENDPOINT_URL _ENDPOINT_URL_S3 _ENDPOINT_URL_STS _BASE_URL _HOST _URI";

/// Addresses of the store itself, which may be plain http only if that is allowed.
const STORES: &str = "AWS_ENDPOINT AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 GOOGLE_BASE_URL AZURE_ENDPOINT AZURE_STORAGE_ENDPOINT";

/// Endings of the names of settings that may contain blanks: paths, texts of several lines, times.
const TEXTS: &str = "_FILE _CREDENTIALS SERVICE_ACCOUNT SERVICE_ACCOUNT_PATH SERVICE_ACCOUNT_KEY _CERTIFICATE _USER_AGENT _CONTENT_TYPE _TIMEOUT _INTERVAL _PROXY_EXCLUDES _COPY_IF_NOT_EXISTS";

/// Checks the `variables` that start with `prefix` and are settings of a kind of store.
pub(crate) fn check<K: FromStr>(
    prefix: &'static str,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<(), WrongSetting> {
    let (mut plain, mut is_allowed) = (None, false);
    for (name, value) in variables {
        if !name.starts_with(prefix) || name.to_ascii_lowercase().parse::<K>().is_err() {
            continue;
        }
        let upper = name.to_ascii_uppercase();
        let ends_as = |ends: &str| ends.split(' ').any(|end| upper.ends_with(end));
        let is_blank = |c: char| c.is_whitespace() || c.is_control();
        if !ends_as(TEXTS) && value.contains(is_blank) {
            return Err(WrongSetting::Blank(name));
        }
        if ends_as("_ALLOW_HTTP _USE_EMULATOR") {
            let value = value.to_ascii_lowercase();
            is_allowed |= ["1", "true", "on", "yes", "y"].contains(&value.as_str());
        } else if ends_as(ADDRESSES) {
            let has_scheme = value.starts_with("http://") || value.starts_with("https://");
            let Some(url) = Url::parse(&value).ok().filter(|_| has_scheme) else {
                return Err(WrongSetting::Address(name));
            };
            if !url.username().is_empty() || url.password().is_some() {
                return Err(WrongSetting::Credentials(name));
            }
            if url.scheme() == "http" && STORES.split(' ').any(|store| store == upper) {
                plain = Some(name);
            }
        }
    }
    match plain {
        Some(name) if !is_allowed => Err(WrongSetting::PlainHttp(name, prefix)),
        _ => Ok(()),
    }
}

/// A variable that is wrong. Messages do not show its value, which may be a secret.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum WrongSetting {
    #[error("{0} contains a blank or a line break")]
    Blank(String),
    #[error("{0} must be a URL with a host that starts with http:// or https://")]
    Address(String),
    #[error("{0} contains a user or a password: credentials belong in their own variables")]
    Credentials(String),
    #[error("{0} is plain http, which requires {1}ALLOW_HTTP=true")]
    PlainHttp(String, &'static str),
}

/// A provider of credentials whose errors say that nothing was sent. `object_store` does not tell them from a store's.
#[derive(Debug)]
pub(crate) struct NamedCredentials<C>(pub(crate) Arc<dyn CredentialProvider<Credential = C>>);

#[async_trait]
impl<C: fmt::Debug + Send + Sync> CredentialProvider for NamedCredentials<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        let found = self.0.get_credential().await;
        found.map_err(|source| object_store::Error::Generic {
            store: "credentials",
            source: Box::new(RequestError::new(RequestEffect::Refused, source)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use archive_sink::{Archive, CommitError};
    use object_store::aws::AmazonS3ConfigKey;
    use object_store::aws::{AmazonS3Builder, AwsCredential};
    use object_store::azure::AzureConfigKey;
    use object_store::gcp::GoogleConfigKey;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn check_all(variables: &[(&str, &str)]) -> Result<(), WrongSetting> {
        let variables = || {
            let variables = variables.iter();
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        };
        check::<AmazonS3ConfigKey>("AWS_", variables())?;
        check::<GoogleConfigKey>("GOOGLE_", variables())?;
        check::<AzureConfigKey>("AZURE_", variables())
    }

    #[test]
    fn blanks_and_line_breaks_are_refused_in_what_signs_and_names() {
        for name in [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "GOOGLE_BEARER_TOKEN",
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCOUNT_NAME",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_CLIENT_SECRET",
            "AWS_ENDPOINT_URL",
            "AZURE_STORAGE_ENDPOINT",
        ] {
            for value in [
                "secret\n",
                "sec ret",
                "\tsecret",
                "secret\r\n",
                "http://se cret",
            ] {
                let wrong = check_all(&[(name, value)]).unwrap_err();
                assert_eq!(wrong, WrongSetting::Blank(name.to_owned()));
                assert!(!format!("{wrong} {wrong:?}").contains("ret\""), "{wrong:?}");
            }
        }
        for (name, value) in [
            ("AWS_TIMEOUT", "30 seconds"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/a b"),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", "{\n}"),
            ("AWS_PROFILE", "a b"),
            ("AWS_COPY_IF_NOT_EXISTS", "header: a: *"),
            ("OTHER", "a\nb"),
        ] {
            assert_eq!(check_all(&[(name, value)]), Ok(()), "{name}");
        }
    }

    #[test]
    fn addresses_have_a_scheme_a_host_no_secret_and_a_permission() {
        for (name, prefix) in [
            ("AWS_ENDPOINT_URL", "AWS_"),
            ("AWS_ENDPOINT", "AWS_"),
            ("AWS_ENDPOINT_URL_S3", "AWS_"),
            ("GOOGLE_BASE_URL", "GOOGLE_"),
            ("AZURE_STORAGE_ENDPOINT", "AZURE_"),
        ] {
            for value in [
                "localhost:9000",
                "127.0.0.1:9000",
                "s3.local",
                "ftp://h",
                "http:h",
                "http://",
                "",
            ] {
                let wrong = check_all(&[(name, value)]).unwrap_err();
                assert_eq!(wrong, WrongSetting::Address(name.to_owned()), "{value}");
            }
            for value in ["https://user:secret@h", "http://secret@h/"] {
                let wrong = check_all(&[(name, value)]).unwrap_err();
                assert_eq!(wrong, WrongSetting::Credentials(name.to_owned()));
                assert!(!format!("{wrong} {wrong:?}").contains("secret"));
            }
            let plain = (name, "http://localhost:9000");
            let wrong = check_all(&[plain]).unwrap_err();
            assert!(
                wrong
                    .to_string()
                    .contains(&format!("{prefix}ALLOW_HTTP=true"))
            );
            for allowed in ["true", "TRUE", "1"] {
                let permission = format!("{prefix}ALLOW_HTTP");
                assert_eq!(check_all(&[(&permission, allowed), plain]), Ok(()));
            }
            assert_eq!(check_all(&[(name, "https://localhost:9000")]), Ok(()));
        }
        // Services on the machine are spoken to in plain http.
        let metadata = ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
        assert_eq!(check_all(&[metadata]), Ok(()));
        assert!(check_all(&[("AWS_METADATA_ENDPOINT", "127.0.0.1:1")]).is_err());
    }

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

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_signed_is_known_not_to_be_there() {
        for (credentials, is_known) in [
            (
                Arc::new(Missing) as Arc<dyn CredentialProvider<Credential = _>>,
                false,
            ),
            (Arc::new(NamedCredentials(Arc::new(Missing))), true),
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
            let writer = archive.create("1.json").unwrap();
            let mut writer = writer.until(tokio::time::Instant::now() + Duration::from_secs(9));
            writer.write_all(b"{}").await.unwrap();
            let error = writer.commit().await.unwrap_err();
            let is_failed = matches!(error, CommitError::Refused { .. });
            assert_eq!(is_failed, is_known, "{error}");
            assert!(error.to_string().contains("nobody is there"), "{error}");
        }
    }
}
