//! Locations of archives: paths and URLs of stores.

use std::convert::identity;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archive_sink::{Archive, ArchiveBuilder, AttributeSupport, LocalFolder, S3Connector};
use driver_streaming::ArchiveTarget;
use object_store::aws::{AmazonS3Builder as S3Builder, AmazonS3ConfigKey as S3Key, Checksum};
use object_store::azure::{AzureConfigKey as AzureKey, MicrosoftAzureBuilder as AzureBuilder};
use object_store::client::ReqwestConnector;
use object_store::gcp::{GoogleCloudStorageBuilder as GoogleBuilder, GoogleConfigKey as GoogleKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use upload_client::is_loopback;
use url::Url;

use crate::store_settings::{self, NamedCredentials, WrongSetting};

/// What a location may start with, besides a path.
const SCHEMES: [&str; 5] = ["file", "memory", "s3", "gs", "az"];

/// A place in a store: a path, or a `file://`, `s3://`, `gs://`, `az://` or `memory://` URL.
///
/// Credentials, endpoint and region come from the environment: `AWS_*`, `GOOGLE_*`, `AZURE_*`, as for other tools.
pub struct StoreLocation {
    store: Arc<dyn ObjectStore>,
    /// The URL of the store's root, without user info.
    base: Url,
    key: Key,
    attributes: AttributeSupport,
}

impl StoreLocation {
    /// Checks a location without opening anything.
    pub(crate) fn check(location: &str) -> Result<(), LocationError> {
        Place::parse(location)?;
        Ok(())
    }

    /// Opens a folder for archives that take at most `limit` each. A local folder is created.
    ///
    /// # Errors
    /// When the location is of an unknown kind, contains credentials, or its store cannot be set up.
    pub fn folder(location: &str, limit: Duration) -> Result<Self, LocationError> {
        Self::for_writing(location, limit, true)
    }

    /// As [`folder`](Self::folder). Without `sync`, the operating system decides when files get to the disk.
    pub(crate) fn for_writing(
        location: &str,
        limit: Duration,
        sync: bool,
    ) -> Result<Self, LocationError> {
        match Place::parse(location)? {
            Place::Local(path) => {
                std::fs::create_dir_all(&path)
                    .map_err(|error| Problem::Folder(path.clone(), error))?;
                let store = LocalFolder::open(&path).map_err(Problem::from)?;
                let store = if sync { store } else { store.without_sync() };
                Ok(Self {
                    store: Arc::new(store),
                    ..Self::local(&path)?
                })
            }
            Place::Remote(url) => Self::remote(&url, Some(limit)),
        }
    }

    /// Opens a folder to read from. A local folder must exist.
    pub(crate) fn existing(location: &str) -> Result<Self, LocationError> {
        match Place::parse(location)? {
            Place::Local(path) => {
                std::fs::read_dir(&path).map_err(|error| Problem::Folder(path.clone(), error))?;
                Self::local(&path)
            }
            Place::Remote(url) => Self::remote(&url, None),
        }
    }

    /// Opens the folder of an object to read from, and returns the object's name in it.
    ///
    /// # Errors
    /// As [`folder`](Self::folder), and when the location names no object.
    pub fn object(location: &str) -> Result<(Self, String), LocationError> {
        let mut found = match Place::parse(location)? {
            Place::Local(path) => {
                let name = path.file_name().ok_or(Problem::NoObject)?;
                let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
                let folder = Self::local(folder.unwrap_or(Path::new(".")))?;
                return Ok((folder, name.to_string_lossy().into_owned()));
            }
            Place::Remote(url) if url.path().ends_with('/') => {
                return Err(Problem::NoObject.into());
            }
            Place::Remote(url) => Self::remote(&url, None)?,
        };
        let key = found.key.to_string();
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", &key));
        if name.is_empty() {
            return Err(Problem::NoObject.into());
        }
        // Parsed and not joined of its parts: those would be encoded once more.
        found.key = Key::parse(folder).map_err(Problem::from)?;
        Ok((found, name.to_owned()))
    }

    /// Returns the key of the object `name` in this folder.
    ///
    /// # Errors
    /// When a key must not have this name.
    pub fn key_of(&self, name: &str) -> Result<Key, LocationError> {
        let key = Key::parse(format!("{}/{name}", self.key));
        Ok(key.map_err(Problem::from)?)
    }

    /// Returns the builder of an archive at this location.
    pub fn archive(&self) -> ArchiveBuilder {
        Archive::builder(Arc::clone(&self.store))
            .prefix(self.key.clone())
            .attributes(self.attributes)
    }

    /// Names an archive that was built from [`archive`](Self::archive) by this location's URL.
    pub fn target(&self, archive: Archive) -> ArchiveTarget {
        ArchiveTarget::new(archive, self.base.clone())
    }

    /// The store, and the folder's key in it.
    pub(crate) fn place(&self) -> (&dyn ObjectStore, &Key) {
        (&*self.store, &self.key)
    }

    pub(crate) fn is_local(&self) -> bool {
        self.base.scheme() == "file"
    }

    fn local(folder: &Path) -> Result<Self, LocationError> {
        let absolute = folder.canonicalize();
        let absolute = absolute.map_err(|error| Problem::Folder(folder.to_owned(), error))?;
        let base = Url::from_directory_path(&absolute).map_err(|()| Problem::FileUrl)?;
        let store = LocalFileSystem::new_with_prefix(&absolute).map_err(Problem::from)?;
        Ok(Self {
            store: Arc::new(store),
            base,
            key: Key::default(),
            attributes: AttributeSupport::Absent,
        })
    }

    /// Sets up the store of a URL: to read from or, with a `limit` for each archive, to write to.
    fn remote(url: &Url, limit: Option<Duration>) -> Result<Self, LocationError> {
        // `object_store::parse_url_opts` does this too, but gives out no credentials.
        macro_rules! store {
            ($prefix:literal, $builder:ident, $key:ident::$endpoint:ident, $for_writing:expr) => {{
                store_settings::check::<$key>($prefix, variables()).map_err(Problem::from)?;
                let builder = $builder::from_env().with_url(url.as_str());
                let builder = match limit {
                    Some(limit) => $for_writing(builder.with_retry(retries(limit)).with_config(
                        $key::Client(ClientConfigKey::Timeout),
                        // A slow request may go on for all that time.
                        format!("{} seconds", limit.as_secs().saturating_add(1)),
                    )),
                    None => builder,
                };
                let endpoint = builder.get_config_value(&$key::$endpoint);
                let builder = direct_if_local(endpoint).fold(builder, |builder, (key, value)| {
                    builder.with_config($key::Client(key), value)
                });
                // Built once to get the credentials.
                let store = builder.clone().build().map_err(Problem::from)?;
                let credentials = NamedCredentials(Arc::clone(store.credentials()));
                let builder = builder.with_credentials(Arc::new(credentials));
                Arc::new(builder.build().map_err(Problem::from)?)
            }};
        }
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "memory" => Arc::new(InMemory::new()),
            "s3" => store!("AWS_", S3Builder, S3Key::Endpoint, s3_for_writing),
            "gs" => store!("GOOGLE_", GoogleBuilder, GoogleKey::BaseUrl, identity),
            "az" => store!("AZURE_", AzureBuilder, AzureKey::Endpoint, identity),
            scheme => return Err(Problem::Scheme(scheme.to_owned()).into()),
        };
        let key = Key::from_url_path(url.path()).map_err(Problem::from)?;
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            store,
            base,
            key,
            attributes: AttributeSupport::Kept,
        })
    }
}

impl fmt::Debug for StoreLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StoreLocation({}, {})", self.base, self.key)
    }
}

/// Retries for nearly as long as an archive may take, so that the last error is known by then.
fn retries(limit: Duration) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: Duration::from_secs(5),
            ..BackoffConfig::default()
        },
        max_retries: usize::MAX,
        retry_timeout: limit / 10 * 9,
    }
}

/// A client that writes to S3. Amazon verifies checksums, unless the environment sets others; other servers may not accept
/// them.
fn s3_for_writing(builder: S3Builder) -> S3Builder {
    let is_set = |key| builder.get_config_value(key).is_some();
    let is_said = is_set(&S3Key::Endpoint) || is_set(&S3Key::Checksum);
    let builder = builder.with_http_connector(S3Connector::new(ReqwestConnector::default()));
    if is_said {
        builder
    } else {
        builder.with_checksum_algorithm(Checksum::SHA256)
    }
}

/// Settings that bypass the environment's proxy for a server on this machine. A client with a proxy of its own ignores the
/// environment's, and this proxy excludes the server.
fn direct_if_local(endpoint: Option<String>) -> impl Iterator<Item = (ClientConfigKey, String)> {
    let url = endpoint.and_then(|endpoint| Url::parse(&endpoint).ok());
    let local = url.filter(|url| url.host_str().is_some_and(is_loopback));
    local.into_iter().flat_map(|url| {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let excluded = format!("localhost,127.0.0.0/8,::1,{host}");
        [
            (ClientConfigKey::ProxyUrl, "http://localhost".to_owned()),
            (ClientConfigKey::ProxyExcludes, excluded),
        ]
    })
}

/// The environment variables that are text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// A location, before its store is set up.
enum Place {
    Local(PathBuf),
    Remote(Url),
}

impl Place {
    fn parse(location: &str) -> Result<Self, Problem> {
        if location.is_empty() {
            return Err(Problem::Empty);
        }
        if let Some((scheme, rest)) = location.split_once(':')
            && let Some(scheme) = SCHEMES.into_iter().find(|known| *known == scheme)
            && !rest.starts_with("//")
        {
            return Err(Problem::Slashes(scheme));
        }
        if !location.contains("://") {
            return Ok(Self::Local(location.into()));
        }
        let url = Url::parse(location)?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(Problem::Scheme(url.scheme().to_owned()));
        }
        // Stores ignore them, and would use those of the environment instead.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Problem::Credentials);
        }
        if url.scheme() != "file" {
            return Ok(Self::Remote(url));
        }
        url.to_file_path()
            .map(Self::Local)
            .map_err(|()| Problem::FileUrl)
    }
}

/// Why a location cannot be used. Messages do not show the location, which may contain a password.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LocationError(#[from] Problem);

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the location is empty")]
    Empty,
    #[error(
        "the location starts with {0}: but not with {0}://; write ./{0}: for a folder of that name"
    )]
    Slashes(&'static str),
    #[error("the location's URL does not parse")]
    Url(#[from] url::ParseError),
    #[error(
        "{0}:// locations are not supported: use a path, file://, s3://, gs://, az:// or memory://"
    )]
    Scheme(String),
    #[error("the location contains a user or a password: credentials belong in the environment")]
    Credentials,
    #[error("the file:// URL names no path on this machine")]
    FileUrl,
    #[error("the folder {} cannot be used", .0.display())]
    Folder(PathBuf, #[source] std::io::Error),
    #[error("the location's path is not a valid key")]
    Key(#[from] object_store::path::Error),
    #[error("the location names no object")]
    NoObject,
    #[error("the store at the location cannot be set up")]
    Setting(#[from] WrongSetting),
    #[error("the store at the location cannot be set up")]
    Store(#[from] object_store::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_synced_unless_it_is_not_to_be() {
        let home = tempfile::tempdir().unwrap();
        for sync in [true, false] {
            let folder = home.path().to_str().unwrap();
            let location = StoreLocation::for_writing(folder, Duration::MAX, sync).unwrap();
            let store = format!("{:?}", location.store);
            assert!(store.contains(&format!("syncs: {sync}")), "{store}");
        }
    }

    #[test]
    fn a_folder_is_created_and_named_by_an_absolute_url() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a b/c");
        let location = StoreLocation::folder(folder.to_str().unwrap(), Duration::MAX).unwrap();
        assert!(folder.is_dir());
        assert!(location.base.as_str().starts_with("file:///"));
        assert!(location.base.as_str().ends_with("/a%20b/c/"));
    }

    #[test]
    fn an_object_is_its_folder_and_its_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("7.json.gz");
        let (_, name) = StoreLocation::object(path.to_str().unwrap()).unwrap();
        assert_eq!(name, "7.json.gz");
        let url = Url::from_file_path(&path).unwrap();
        let (_, name) = StoreLocation::object(url.as_str()).unwrap();
        assert_eq!(name, "7.json.gz");
        let (location, name) = StoreLocation::object("memory:///a/b/7.json").unwrap();
        assert_eq!((location.key.as_ref(), name.as_str()), ("a/b", "7.json"));
        // Set up, and nothing asked of it.
        let (location, name) = StoreLocation::object("gs://bucket/a/7.json").unwrap();
        let target = location.target(location.archive().build().unwrap());
        let url = target.url_of(&location.key_of(&name).unwrap());
        assert_eq!(url.as_str(), "gs://bucket/a/7.json");
    }

    #[tokio::test]
    async fn a_key_is_encoded_in_its_url_alone_and_there_once() {
        for (written, key, shown) in [
            ("ü/7.json", "ü/7.json", "%C3%BC/7.json"),
            ("%C3%BC/7.json", "ü/7.json", "%C3%BC/7.json"),
            ("a~b/~7.json", "a~b/~7.json", "a~b/~7.json"),
            ("50%25/7%2525.json", "50%/7%25.json", "50%25/7%2525.json"),
        ] {
            let (location, name) = StoreLocation::object(&format!("memory:///{written}")).unwrap();
            assert_eq!(location.key_of(&name).unwrap().as_ref(), key);
            let archive = location.archive().build().unwrap();
            let writer = archive.create(&name).unwrap();
            assert_eq!(writer.location().as_ref(), key, "{written}");
            writer.commit().await.unwrap();
            archive.open(&name).await.unwrap();
            let url = location
                .target(archive)
                .url_of(&location.key_of(&name).unwrap());
            assert_eq!(url.as_str(), format!("memory:///{shown}"));
            // What an outcome shows can be asked for.
            let (again, name) = StoreLocation::object(url.as_str()).unwrap();
            assert_eq!(again.key_of(&name).unwrap().as_ref(), key);
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for location in [
            "",
            "ftp://u:secret@h/x",
            "http://h/x",
            "memory:///",
            "memory:///a/",
            "s3://",
            "/",
            "s3://key:secret@bucket/x",
            "gs://secret@bucket/x",
            "memory://:secret@h/x",
        ] {
            let error = StoreLocation::object(location).unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{location}"
            );
        }
    }
}
