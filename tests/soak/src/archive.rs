use std::collections::HashSet;
use std::fs::DirEntry;
use std::io;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use archive_sink::Archive;
use bytes::Bytes;
use driver_streaming::{ArchiveOutcome, ArchiveStatus, ArchiveTarget};
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use scripted_store::{Effect, Injected, ScriptedStore};
use tempfile::TempDir;
use url::Url;

use crate::decode::decode;
use crate::documents::Expectation;
use crate::lock;
use crate::plan::{ArchivePlan, SetPlan, StoreKind};
use crate::violation::Violation;

/// A store of one set of solvers, and the archive in it.
#[derive(Debug)]
pub(crate) struct ArchiveStore {
    /// The store itself, without faults.
    inner: Arc<dyn ObjectStore>,
    folder: Option<TempDir>,
    faulty: ScriptedStore,
    target: ArchiveTarget,
    /// Locations at which there may be an object now.
    open: Mutex<HashSet<Path>>,
    /// Those at which there may be none any more, in the order in which they were forgotten.
    forgotten: Mutex<Vec<Path>>,
}

impl ArchiveStore {
    /// A new store, below `folder` if it is one of files.
    pub(crate) fn new(
        plan: &ArchivePlan,
        folder: &FilePath,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (inner, folder): (Arc<dyn ObjectStore>, _) = match plan.store {
            StoreKind::Memory => (Arc::new(InMemory::new()), None),
            StoreKind::Folder => {
                let folder = TempDir::new_in(folder)?;
                let store = LocalFileSystem::new_with_prefix(folder.path())?;
                (Arc::new(store), Some(folder))
            }
        };
        let faulty = ScriptedStore::wrapping(Arc::clone(&inner)).with(plan.faults.iter().copied());
        let archive = Archive::builder(Arc::new(faulty.clone()))
            .codec(plan.codec)
            .attributes(plan.attributes)
            .part_size(plan.part_bytes)
            .allow_small_parts()
            .parts_in_flight(plan.parts_in_flight)
            .overwrite(plan.overwrite)
            .digest(plan.digest)
            // Enough for a store that works, and soon over for one that does not.
            .retry_for(std::time::Duration::from_secs(5))
            .build()?;
        Ok(Self {
            inner,
            folder,
            faulty,
            target: ArchiveTarget::new(archive, Url::parse("memory://soak/")?),
            open: Mutex::default(),
            forgotten: Mutex::default(),
        })
    }

    pub(crate) fn target(&self) -> ArchiveTarget {
        self.target.clone()
    }

    /// How many calls did not go as they should.
    pub(crate) fn faults(&self) -> usize {
        self.faulty.injected().len()
    }

    /// The calls for this location that went wrong; delays are no harm.
    fn failed_calls(&self, location: &Path) -> Vec<Injected> {
        let mut calls = self.faulty.injected();
        calls.retain(|call| call.location == *location && !matches!(call.effect, Effect::Delay(_)));
        calls
    }

    /// Where the auction of this name is archived; from now on there may be an object.
    pub(crate) fn expect(&self, name: &str) -> Result<Path, Violation> {
        let location = self.target.archive().location_of(&format!("{name}.json"));
        let none = Violation::by("there is no location for an auction");
        let location = location.map_err(none)?;
        lock(&self.open).insert(location.clone());
        Ok(location)
    }

    /// The bytes that are visible at a location, if there are some.
    async fn stored(&self, location: &Path) -> Result<Option<Bytes>, Violation> {
        match self.inner.get(location).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(broken)?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(broken(error)),
        }
    }

    /// Deletes what is at a location; from now on there must be nothing.
    async fn forget(&self, location: &Path) -> Result<(), Violation> {
        let digest = Path::from(format!("{location}{DIGEST}"));
        for location in [location, &digest] {
            match self.inner.delete(location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(broken(error)),
            }
        }
        lock(&self.forgotten).push(location.clone());
        lock(&self.open).remove(location);
        Ok(())
    }

    /// Checks that nothing is visible but what may be.
    pub(crate) async fn check_visible(&self) -> Result<(), Violation> {
        let before = lock(&self.forgotten).len();
        let listed: Vec<_> = self.inner.list(None).try_collect().await.map_err(broken)?;
        self.check_listed(&listed, before)
    }

    /// Checks a list that was begun when so many locations were forgotten. What somebody else has begun, checked and
    /// deleted meanwhile may be listed, too.
    fn check_listed(&self, listed: &[ObjectMeta], before: usize) -> Result<(), Violation> {
        let (open, forgotten) = (lock(&self.open), lock(&self.forgotten));
        let may_be = |location: &Path| {
            let object = location.as_ref().strip_suffix(DIGEST).map(Path::from);
            let location = object.as_ref().unwrap_or(location);
            open.contains(location) || forgotten[before..].contains(location)
        };
        match listed.iter().find(|object| !may_be(&object.location)) {
            None => Ok(()),
            Some(object) => {
                Err(Violation::new("an object is visible that should not be")
                    .with("object", object))
            }
        }
    }

    /// Checks that nothing at all is left, when nothing goes on any more.
    pub(crate) async fn check_empty(&self) -> Result<(), Violation> {
        self.check_visible().await?;
        let mut uploads = self.faulty.open_uploads();
        uploads.retain(|location| self.failed_calls(location).is_empty());
        if !uploads.is_empty() {
            return Err(Violation::new("uploads are left").with("uploads", uploads));
        }
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut left = files(folder.path()).map_err(Violation::by("a folder cannot be read"))?;
        // Of an upload of which the abortion failed as planned, something has to be left.
        left.retain(|name| {
            let location = name.split('#').next().unwrap_or_default();
            self.failed_calls(&Path::from(location)).is_empty()
        });
        if left.is_empty() {
            Ok(())
        } else {
            Err(Violation::new("files are left").with("files", left))
        }
    }
}

/// What the name of a digest ends with that stands beside its object.
const DIGEST: &str = ".sha256";

fn broken(error: object_store::Error) -> Violation {
    Violation::new("the store below the faults failed").with("error", error)
}

fn files(folder: &FilePath) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)?;
    let name = |entry: io::Result<DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect()
}

/// What is known of how an archive ended.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each archive that has just ended"
)]
pub(crate) enum ArchiveEnd {
    /// This.
    Known(ArchiveOutcome),
    /// Nothing: nobody waited for it, but it has ended.
    Unheard,
    /// Nothing: it was given up half-way.
    GivenUp,
}

/// Checks what is visible at a location when the archive there has ended, and removes it.
pub(crate) async fn check_archive(
    set: &SetPlan,
    archive: &ArchivePlan,
    store: &ArchiveStore,
    location: &Path,
    end: &ArchiveEnd,
    expected: &Expectation,
) -> Result<u64, Violation> {
    let stored = store.stored(location).await?;
    let failed_calls = store.failed_calls(location);
    let stored_bytes = stored.as_ref().map_or(0, |stored| stored.len() as u64);
    let excused = !failed_calls.is_empty() || !set.is_ample_for_archive();
    let found = match &stored {
        Some(_) if !expected.is_sound => Err("an auction is visible whose document failed".into()),
        Some(stored) => match decode(archive.codec.kind().name(), stored) {
            Ok(found) if found.sha256() == expected.sha256 => Ok(()),
            Ok(_) => Err("the archived auction is another".into()),
            Err(error) => Err(format!("the archived auction cannot be decoded: {error}")),
        },
        None => Ok(()),
    };
    let found = found.and_then(|()| {
        let wrong = match end {
            ArchiveEnd::Known(outcome) if outcome.status.is_ok() => {
                ok_but(set, archive, outcome, expected, stored.as_ref())
            }
            ArchiveEnd::Known(outcome) if outcome.status != ArchiveStatus::Cancelled => {
                if expected.is_sound && !excused {
                    Some("the archive failed, and nothing was wrong")
                } else if stored.is_some() && outcome.status == ArchiveStatus::Failed {
                    Some("the archive failed, but the auction is visible")
                } else if outcome.error.is_none() {
                    Some("the archive failed without an error")
                } else {
                    None
                }
            }
            ArchiveEnd::Known(_) => Some("the archive has ended in an odd way"),
            ArchiveEnd::Unheard if stored.is_none() && expected.is_sound && !excused => {
                Some("the archive that went on left nothing, and nothing was wrong")
            }
            ArchiveEnd::Unheard | ArchiveEnd::GivenUp => None,
        };
        wrong.map_or(Ok(()), |what| Err(what.to_owned()))
    });
    if let Err(what) = found {
        return Err(Violation::new(what)
            .with("location", location)
            .with("archive", end)
            .with("failed calls", failed_calls)
            .with("stored bytes", stored_bytes)
            .with("expected", expected));
    }
    store.forget(location).await?;
    Ok(stored_bytes)
}

fn ok_but(
    set: &SetPlan,
    archive: &ArchivePlan,
    outcome: &ArchiveOutcome,
    expected: &Expectation,
    stored: Option<&Bytes>,
) -> Option<&'static str> {
    let stored_bytes = stored.map(|stored| stored.len() as u64);
    if stored.is_none() {
        Some("the archive is ok, but nothing is visible")
    } else if outcome.stored_bytes != stored_bytes {
        Some("the archive's stored length is wrong")
    } else if outcome.raw_bytes != Some(expected.bytes) {
        Some("the archive's raw length is wrong")
    } else if outcome.codec.as_deref() != Some(archive.codec.kind().name()) {
        Some("the archive's codec is wrong")
    } else {
        match &outcome.sha256 {
            Some(sha256) if *sha256 != expected.sha256 => Some("the archive's digest is wrong"),
            None if set.digest => Some("the archive has no digest"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use archive_sink::{AttributeSupport, Overwrite};
    use driver_streaming::Codec;

    use super::*;

    fn plan() -> ArchivePlan {
        ArchivePlan {
            store: StoreKind::Folder,
            codec: Codec::Identity,
            attributes: AttributeSupport::Absent,
            part_bytes: 1024,
            parts_in_flight: 1,
            overwrite: Overwrite::CreateOnly,
            digest: true,
            faults: Vec::new(),
        }
    }

    #[tokio::test]
    async fn an_auction_that_comes_and_goes_while_objects_are_listed_may_be_listed() {
        let folder = TempDir::new().unwrap();
        let store = ArchiveStore::new(&plan(), folder.path()).unwrap();
        let before = lock(&store.forgotten).len();
        let location = store.expect("1").unwrap();
        store.inner.put(&location, "x".into()).await.unwrap();
        let listed: Vec<_> = store.inner.list(None).try_collect().await.unwrap();
        assert_eq!(listed.len(), 1);
        store.forget(&location).await.unwrap();
        store.check_listed(&listed, before).unwrap();
    }

    #[tokio::test]
    async fn an_object_that_comes_after_its_auction_is_forgotten_is_found() {
        let folder = TempDir::new().unwrap();
        let store = ArchiveStore::new(&plan(), folder.path()).unwrap();
        let location = store.expect("1").unwrap();
        store.forget(&location).await.unwrap();
        store.check_visible().await.unwrap();
        store.inner.put(&location, "x".into()).await.unwrap();
        store.check_visible().await.unwrap_err();
    }
}
