use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive_sink::{Archive, ArchiveBuilder, AttributeSupport};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ClientConfigKey, ObjectStore};
use url::Url;

use super::location_error::LocationError;
use super::named_credentials::{NamedCredentials, unsigned};
use driver_streaming::ArchiveTarget;
use upload_client::is_loopback;

/// A place in a store: a path, or a `file://`, `s3://`, `gs://`, `az://` or `memory://` URL.
///
/// Credentials, endpoint and region come from the environment, by the names that each store's own tools use:
/// `AWS_*`, `GOOGLE_*`, `AZURE_*`.
pub struct StoreLocation {
    store: Arc<dyn ObjectStore>,
    /// The URL of the store's root, without user info.
    base: Url,
    /// Where in the store.
    key: Key,
    attributes: AttributeSupport,
}

impl StoreLocation {
    /// Whether a location is one, as far as that can be told without opening anything.
    ///
    /// # Errors
    /// When it is of no known kind, or has credentials in it.
    pub(crate) fn check(location: &str) -> Result<(), LocationError> {
        Place::parse(location).map(|_place| ())
    }

    /// A folder for archives; a local one is created.
    ///
    /// # Errors
    /// When the location is of no known kind or has a user or a password in it, or its store cannot be set up.
    pub fn folder(location: &str) -> Result<Self, LocationError> {
        match Place::parse(location)? {
            Place::Local(path) => {
                std::fs::create_dir_all(&path).map_err(|source| LocationError::Folder {
                    path: path.clone(),
                    source,
                })?;
                Self::local(&path, Key::default())
            }
            Place::Remote(url) => Self::remote(&url),
        }
    }

    /// One object, and the folder it is in.
    ///
    /// # Errors
    /// When the location is of no known kind, has a user or a password in it or names no object, or its store cannot be
    /// set up.
    pub fn object(location: &str) -> Result<(Self, String), LocationError> {
        let (mut found, name) = match Place::parse(location)? {
            Place::Local(path) => {
                let name = path
                    .file_name()
                    .ok_or(LocationError::NoObject)?
                    .to_string_lossy()
                    .into_owned();
                let folder = match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
                (Self::local(folder, Key::default())?, name)
            }
            Place::Remote(url) => {
                if url.path().ends_with('/') {
                    return Err(LocationError::NoObject);
                }
                let found = Self::remote(&url)?;
                let name = found
                    .key
                    .filename()
                    .ok_or(LocationError::NoObject)?
                    .to_owned();
                (found, name)
            }
        };
        let mut parts: Vec<_> = found
            .key
            .parts()
            .map(|part| part.as_ref().to_owned())
            .collect();
        if matches!(parts.last(), Some(last) if *last == name) {
            parts.pop();
        }
        found.key = Key::from_iter(parts);
        Ok((found, name))
    }

    /// An archive at this location, to be completed with a codec and limits and then turned into a target.
    pub fn archive(&self) -> ArchiveBuilder {
        Archive::builder(Arc::clone(&self.store))
            .prefix(self.key.clone())
            .attributes(self.attributes)
    }

    /// Names `archive`, which was built from [`archive`](Self::archive), by this location's URL.
    pub fn target(&self, archive: Archive) -> ArchiveTarget {
        ArchiveTarget::new(archive, self.base.clone()).explained_by(unsigned)
    }

    /// The URL of an object at this location, without user info.
    pub fn url_of(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        // Every base has a path; one without could not name an object, and stays as it is.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(self.key.parts().map(|part| part.as_ref().to_owned()))
                .push(name);
        }
        url
    }

    fn local(folder: &Path, key: Key) -> Result<Self, LocationError> {
        let refuse = |source| LocationError::Folder {
            path: folder.to_owned(),
            source,
        };
        let absolute = folder.canonicalize().map_err(refuse)?;
        let base = Url::from_directory_path(&absolute).map_err(|()| LocationError::FileUrl)?;
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(&absolute)?);
        Ok(Self {
            store,
            base,
            key,
            attributes: AttributeSupport::Absent,
        })
    }

    fn remote(url: &Url) -> Result<Self, LocationError> {
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "memory" => Arc::new(InMemory::new()),
            "s3" => Arc::new(amazon_s3(url)?),
            "gs" => Arc::new(google_cloud_storage(url)?),
            "az" => Arc::new(azure(url)?),
            scheme => {
                return Err(LocationError::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
        };
        let key = Key::from_url_path(url.path())?;
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
        formatter
            .debug_struct("StoreLocation")
            .field("base", &self.base.as_str())
            .field("key", &self.key)
            .finish()
    }
}

/// Settings that let no proxy of the environment stand before a server on this machine; none for other servers.
///
/// A client with a proxy of its own looks at no other, and this one is excluded where the server is.
fn direct_if_local(endpoint: Option<String>) -> Vec<(ClientConfigKey, String)> {
    let Some(url) = endpoint
        .and_then(|endpoint| Url::parse(&endpoint).ok())
        .filter(is_loopback)
    else {
        return Vec::new();
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    vec![
        (ClientConfigKey::ProxyUrl, "http://localhost".to_owned()),
        (
            ClientConfigKey::ProxyExcludes,
            format!("localhost,127.0.0.0/8,::1,{host}"),
        ),
    ]
}

fn amazon_s3(url: &Url) -> Result<impl ObjectStore, object_store::Error> {
    let builder = AmazonS3Builder::from_env().with_url(url.as_str());
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    let settings = direct_if_local(endpoint).into_iter();
    let builder = settings.fold(builder, |builder, (key, value)| {
        builder.with_config(AmazonS3ConfigKey::Client(key), value)
    });
    // Built once to find out whose credentials these are.
    let credentials = Arc::clone(builder.clone().build()?.credentials());
    builder
        .with_credentials(Arc::new(NamedCredentials::new(credentials)))
        .build()
}

fn google_cloud_storage(url: &Url) -> Result<impl ObjectStore, object_store::Error> {
    let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
    let endpoint = builder.get_config_value(&GoogleConfigKey::BaseUrl);
    let settings = direct_if_local(endpoint).into_iter();
    let builder = settings.fold(builder, |builder, (key, value)| {
        builder.with_config(GoogleConfigKey::Client(key), value)
    });
    // Built once to find out whose credentials these are.
    let credentials = Arc::clone(builder.clone().build()?.credentials());
    builder
        .with_credentials(Arc::new(NamedCredentials::new(credentials)))
        .build()
}

fn azure(url: &Url) -> Result<impl ObjectStore, object_store::Error> {
    let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
    let endpoint = builder.get_config_value(&AzureConfigKey::Endpoint);
    let settings = direct_if_local(endpoint).into_iter();
    let builder = settings.fold(builder, |builder, (key, value)| {
        builder.with_config(AzureConfigKey::Client(key), value)
    });
    // Built once to find out whose credentials these are.
    let credentials = Arc::clone(builder.clone().build()?.credentials());
    builder
        .with_credentials(Arc::new(NamedCredentials::new(credentials)))
        .build()
}

/// What a location may start with, besides a path.
const SCHEMES: [&str; 5] = ["file", "memory", "s3", "gs", "az"];

/// A location, before its store is set up.
enum Place {
    Local(PathBuf),
    Remote(Url),
}

impl Place {
    fn parse(location: &str) -> Result<Self, LocationError> {
        if location.is_empty() {
            return Err(LocationError::Empty);
        }
        if let Some(scheme) = SCHEMES.into_iter().find(|scheme| {
            let rest = location
                .strip_prefix(scheme)
                .and_then(|rest| rest.strip_prefix(':'));
            rest.is_some_and(|rest| !rest.starts_with("//"))
        }) {
            return Err(LocationError::NoSlashes { scheme });
        }
        if !location.contains("://") {
            return Ok(Self::Local(location.into()));
        }
        let url = Url::parse(location)?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(LocationError::Scheme {
                scheme: url.scheme().to_owned(),
            });
        }
        // No store would take them from there: a write with those of the environment would go unnoticed.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LocationError::Credentials);
        }
        if url.scheme() != "file" {
            return Ok(Self::Remote(url));
        }
        url.to_file_path()
            .map(Self::Local)
            .map_err(|()| LocationError::FileUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_created_and_named_by_an_absolute_url() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a b/c");
        let location = StoreLocation::folder(folder.to_str().unwrap()).unwrap();
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
        assert_eq!(location.url_of(&name).as_str(), "gs://bucket/a/7.json");
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
