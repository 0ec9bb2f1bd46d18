//! The archived auctions at a location, and their ids.

use archive_sink::{Archive, ArchiveReader, Codec, CodecKind, ReadErrorKind, ReadLimit};
use driver_streaming::error_chain;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta};

use super::arguments::TimeRange;
use crate::exit::Failure;
use crate::store_location::StoreLocation;

/// How many ids are compared to find the nearest.
const LOOKED_AT: usize = 100_000;

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// How many times as long as its stored object an auction may be. Real ones are below 10.
const MOST_RATIO: u64 = 200;

/// The archived auctions at a location and in folders below it.
pub(crate) struct Shelf {
    pub(crate) location: StoreLocation,
    pub(crate) archive: Archive,
    /// The location as it was given, which messages begin with.
    shown: String,
}

/// An entry of a listing. Sorts by time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(super) stored: Timestamp,
    /// The name below the location, with extensions.
    pub(crate) name: String,
    pub(super) location: Path,
    pub(super) stored_bytes: u64,
}

impl Entry {
    /// An object below `key`, if its name is that of an archived auction.
    fn of(object: &ObjectMeta, key: &Path) -> Option<Self> {
        let location = object.location.as_ref();
        let name = location.strip_prefix(key.as_ref())?;
        let name = name.trim_start_matches('/');
        id_of(name)?;
        let time = object.last_modified;
        Some(Self {
            stored: Timestamp::new(time.timestamp(), time.timestamp_subsec_nanos() as i32).ok()?,
            name: name.to_owned(),
            location: object.location.clone(),
            stored_bytes: object.size,
        })
    }

    pub(super) fn id(&self) -> &str {
        id_of(&self.name).unwrap_or(&self.name)
    }
}

/// The id in a name such as `8339027.json.gz`.
pub(crate) fn id_of(name: &str) -> Option<&str> {
    let mut extensions = CodecKind::ALL.into_iter().filter_map(CodecKind::extension);
    let stripped = extensions.find_map(|extension| name.strip_suffix(extension));
    let id = stripped.unwrap_or(name).strip_suffix(".json");
    id.filter(|id| !id.is_empty() && !id.ends_with('/'))
}

/// The names that an object with this id or name may have.
pub(crate) fn names(id: &str) -> impl Iterator<Item = String> {
    let with_extension = id_of(id).is_none().then(|| format!("{id}.json"));
    with_extension.into_iter().chain([id.to_owned()])
}

impl Shelf {
    pub(crate) fn open(location: &str) -> Result<Self, Failure> {
        let found = StoreLocation::existing(location).map_err(Failure::input(LOCATION))?;
        // Nothing is held of what is read.
        Self::at(found, location, ReadLimit::bytes(u64::MAX))
    }

    /// Opens the folder of an object, and returns the object's name in it.
    pub(crate) fn around(object: &str) -> Result<(Self, String), Failure> {
        let (found, name) = StoreLocation::object(object).map_err(Failure::input(LOCATION))?;
        Ok((Self::at(found, object, ReadLimit::bytes(u64::MAX))?, name))
    }

    /// Limits what is read of an object.
    pub(crate) fn limited(self, max_size: u64) -> Result<Self, Failure> {
        let limit = ReadLimit::bytes(max_size).with_ratio(MOST_RATIO);
        Self::at(self.location, &self.shown, limit)
    }

    fn at(location: StoreLocation, shown: &str, limit: ReadLimit) -> Result<Self, Failure> {
        // Without a codec, it tries the name as it is first.
        let archive = location.archive().codec(Codec::Identity);
        let archive = archive.read_limit(limit).build();
        Ok(Self {
            archive: archive.map_err(Failure::input(shown))?,
            location,
            shown: shown.to_owned(),
        })
    }

    /// Lists what was stored in a range of time, in the order of the store.
    pub(crate) fn entries(&self, range: TimeRange) -> BoxStream<'_, Result<Entry, Failure>> {
        let (store, key) = self.location.place();
        let prefix = Some(key).filter(|key| !key.as_ref().is_empty());
        let listed = store
            .list(prefix)
            .map_err(|error| self.refused("cannot be listed", error));
        let entries = listed.try_filter_map(move |object| {
            let entry = Entry::of(&object, key).filter(|entry| range.contains(entry.stored));
            std::future::ready(Ok(entry))
        });
        entries.boxed()
    }

    /// Whether this is a folder. In a remote store, only one with objects is.
    pub(super) async fn is_folder(&self) -> bool {
        self.location.is_local()
            || matches!(self.entries(TimeRange::default()).next().await, Some(Ok(_)))
    }

    pub(super) async fn open_object(
        &self,
        id: &str,
        as_stored: bool,
    ) -> Result<ArchiveReader, Failure> {
        for name in names(id) {
            let opened = match as_stored {
                true => self.archive.open_stored(&name).await,
                false => self.archive.open(&name).await,
            };
            match opened {
                Ok(reader) => return Ok(reader),
                Err(error) => match error.kind {
                    ReadErrorKind::NotFound(_) => {}
                    ReadErrorKind::Store { source, .. } => {
                        return Err(self.refused("cannot be read", source));
                    }
                    kind => return Err(Failure::input(&self.shown)(kind)),
                },
            }
        }
        Err(self.missing(id).await)
    }

    pub(crate) async fn missing(&self, id: &str) -> Failure {
        let nearest = match &self.nearest(id).await[..] {
            [] => String::new(),
            nearest => format!("; similar ids: {}", nearest.join(", ")),
        };
        self.usage(&format!("there is no such object{nearest}"))
    }

    /// The ids that are most similar.
    async fn nearest(&self, id: &str) -> Vec<String> {
        let mut nearest: Vec<(usize, String)> = Vec::new();
        let mut entries = self.entries(TimeRange::default()).take(LOOKED_AT);
        while let Some(Ok(entry)) = entries.next().await {
            let found = entry.id();
            let distance = strsim::osa_distance(id, found);
            nearest.push((distance, found.to_owned()));
            nearest.sort();
            nearest.dedup();
            nearest.truncate(SUGGESTED);
        }
        nearest.into_iter().map(|(_, id)| id).collect()
    }

    /// Wrong input if the store refuses, else a failure.
    pub(super) fn refused(&self, what: &str, error: StoreError) -> Failure {
        let what = format!("{}: {what}", self.shown);
        match is_refusal(&error) {
            true => Failure::input(what)(error),
            false => Failure::of(what)(error),
        }
    }

    pub(crate) fn usage(&self, why: &str) -> Failure {
        Failure::usage(format!("{}: {why}", self.shown))
    }
}

/// Whether the store says that something does not exist or is not permitted.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    match error {
        StoreError::NotFound { .. }
        | StoreError::PermissionDenied { .. }
        | StoreError::Unauthenticated { .. } => true,
        // For a listing or a file, only the text tells.
        error => {
            let text = error_chain(error);
            [
                "code: 401",
                "code: 403",
                "code: 404",
                "Permission denied (os error",
            ]
            .iter()
            .any(|refusal| text.contains(refusal))
        }
    }
}

/// How messages call a location that is none.
const LOCATION: &str = "the location";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_names_that_archives_have() {
        for (name, id) in [
            ("7.json", Some("7")),
            ("a/7.json.gz", Some("a/7")),
            ("7.2.json.zst", Some("7.2")),
            ("7.json.br", Some("7")),
            ("7.json.gz.sha256", None),
            ("notes.txt", None),
            ("a/.json", None),
            ("7.gz", None),
        ] {
            assert_eq!(id_of(name), id, "{name}");
        }
    }
}
