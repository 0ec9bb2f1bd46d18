use std::collections::HashSet;
use std::io;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archive_sink::Archive;
use bytes::Bytes;
use driver_streaming::ArchiveTarget;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::TempDir;
use url::Url;

use super::faulty_store::FaultyStore;
use super::record::Record;
use crate::plan::{ArchivePlan, StoreKind};
use crate::statistics::Statistics;
use crate::violation::Violation;

/// A store of one set of solvers, and the archive in it.
#[derive(Debug)]
pub(crate) struct Shop {
    /// The store itself, without faults.
    inner: Arc<dyn ObjectStore>,
    folder: Option<TempDir>,
    record: Arc<Record>,
    target: ArchiveTarget,
    /// Locations at which there may be an object now.
    open: Mutex<HashSet<Path>>,
}

impl Shop {
    /// A new store, below `folder` if it is one of files.
    ///
    /// # Errors
    /// When the folder cannot be made, or the archive's settings are wrong.
    pub(crate) fn new(
        plan: &ArchivePlan,
        folder: &FilePath,
        statistics: Arc<Statistics>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (inner, folder): (Arc<dyn ObjectStore>, _) = match plan.store {
            StoreKind::Memory => (Arc::new(InMemory::new()), None),
            StoreKind::Folder => {
                let folder = TempDir::new_in(folder)?;
                let store = LocalFileSystem::new_with_prefix(folder.path())?;
                (Arc::new(store), Some(folder))
            }
        };
        let record = Arc::new(Record::new(plan.strikes.clone(), statistics));
        let store = FaultyStore {
            inner: Arc::clone(&inner),
            record: Arc::clone(&record),
        };
        let archive = Archive::builder(Arc::new(store))
            .codec(plan.codec)
            .attributes(plan.attributes)
            .part_size(plan.part_bytes)
            .allow_small_parts()
            .parts_in_flight(plan.parts_in_flight)
            .overwrite(plan.overwrite)
            .digest(plan.digest)
            .build()?;
        Ok(Self {
            inner,
            folder,
            record,
            target: ArchiveTarget::new(archive, Url::parse("memory://soak/")?),
            open: Mutex::default(),
        })
    }

    pub(crate) fn target(&self) -> ArchiveTarget {
        self.target.clone()
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Where the auction of this name is archived; from now on there may be an object.
    ///
    /// # Errors
    /// When the name is none.
    pub(crate) fn expect(&self, name: &str) -> Result<Path, Violation> {
        let location = self
            .target
            .archive()
            .location_of(&format!("{name}.json"))
            .map_err(|error| {
                Violation::new("there is no location for an auction").with("error", error)
            })?;
        self.open().insert(location.clone());
        Ok(location)
    }

    /// The bytes that are visible at a location, if there are some.
    ///
    /// # Errors
    /// When the store itself fails.
    pub(crate) async fn stored(&self, location: &Path) -> Result<Option<Bytes>, Violation> {
        match self.inner.get(location).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(broken)?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(broken(error)),
        }
    }

    /// Deletes what is at a location; from now on there must be nothing.
    ///
    /// # Errors
    /// When the store itself fails.
    pub(crate) async fn forget(&self, location: &Path) -> Result<(), Violation> {
        match self.inner.delete(location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(broken(error)),
        }
        self.open().remove(location);
        Ok(())
    }

    /// Checks that nothing is visible but what may be.
    ///
    /// # Errors
    /// When something else is.
    pub(crate) async fn check_visible(&self) -> Result<(), Violation> {
        // One that is checked and deleted by somebody else meanwhile may be listed all the same.
        let open_before = self.open().clone();
        let listed: Vec<_> = self.inner.list(None).try_collect().await.map_err(broken)?;
        let open = self.open();
        let may_be = |location| open.contains(location) || open_before.contains(location);
        match listed.iter().find(|object| !may_be(&object.location)) {
            None => Ok(()),
            Some(object) => {
                Err(Violation::new("an object is visible that should not be")
                    .with("object", object))
            }
        }
    }

    /// Checks that nothing at all is left, when nothing goes on any more.
    ///
    /// # Errors
    /// When something is left.
    pub(crate) async fn check_empty(&self) -> Result<(), Violation> {
        self.check_visible().await?;
        let uploads = self.record.open_uploads();
        if !uploads.is_empty() {
            return Err(Violation::new("uploads are left").with("uploads", uploads));
        }
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let left = files(folder.path())
            .map_err(|error| Violation::new("a folder cannot be read").with("error", error))?;
        // Of an upload of which the abortion failed as planned, something has to be left.
        let unexplained: Vec<_> = left
            .into_iter()
            .filter(|name| {
                let location = name
                    .rsplit_once('#')
                    .map_or(&**name, |(location, _)| location);
                self.record.struck(&Path::from(location)).is_empty()
            })
            .collect();
        if unexplained.is_empty() {
            Ok(())
        } else {
            Err(Violation::new("files are left").with("files", unexplained))
        }
    }

    fn open(&self) -> MutexGuard<'_, HashSet<Path>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken(error: object_store::Error) -> Violation {
    Violation::new("the store below the faults failed").with("error", error)
}

fn files(folder: &FilePath) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
