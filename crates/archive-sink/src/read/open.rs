use bytes::Bytes;
use futures_core::stream::BoxStream;
use object_store::{
    Attributes, Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore, path::Path,
};

use super::error::ReadError;
use crate::{codec::CodecKind, metadata};

/// An object whose content is on its way.
pub(crate) struct Opened {
    pub(crate) version: ObjectVersion,
    pub(crate) attributes: Attributes,
    pub(crate) content: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Opened {
    fn new(location: Path, result: GetResult) -> Self {
        // By the name that was asked for: a store may know the object by another.
        let meta = ObjectMeta {
            location,
            ..result.meta.clone()
        };
        Self {
            version: ObjectVersion::new(meta),
            attributes: result.attributes.clone(),
            content: result.into_stream(),
        }
    }

    pub(crate) fn codec(&self) -> Result<CodecKind, ReadError> {
        let location = self.version.location();
        metadata::codec_of(&self.attributes, location.as_ref()).map_err(|coding| {
            ReadError::UnknownCoding {
                location: location.clone(),
                coding,
            }
        })
    }
}

/// Asks for the first object that is there. `places` is not empty.
pub(crate) async fn find(store: &dyn ObjectStore, places: Vec<Path>) -> Result<Opened, ReadError> {
    let mut missing = None;
    for location in places {
        match store.get_opts(&location, GetOptions::new()).await {
            Ok(result) => return Ok(Opened::new(location, result)),
            Err(source @ StoreError::NotFound { .. }) => {
                missing.get_or_insert(ReadError::NotFound { location, source });
            }
            Err(source) => return Err(cannot_open(location, source)),
        }
    }
    Err(missing.unwrap_or_else(|| unreachable!("there is at least one place to look at")))
}

/// Asks for one object, if it is there as it was.
pub(crate) async fn find_again(
    store: &dyn ObjectStore,
    version: &ObjectVersion,
) -> Result<Opened, ReadError> {
    let location = version.location().clone();
    let changed = |source| ReadError::Changed {
        location: version.location().clone(),
        source,
    };
    match store.get_opts(&location, version.condition()).await {
        Ok(result) => {
            let opened = Opened::new(location, result);
            if version.is(&opened.version) {
                Ok(opened)
            } else {
                Err(changed(None))
            }
        }
        Err(source @ (StoreError::Precondition { .. } | StoreError::NotFound { .. })) => {
            Err(changed(Some(source)))
        }
        Err(source) => Err(cannot_open(location, source)),
    }
}

fn cannot_open(location: Path, source: StoreError) -> ReadError {
    ReadError::Store {
        location,
        offset: 0,
        source,
    }
}

/// Identifies an object as it was when it was opened, so that one that has replaced it is noticed.
///
/// [`ArchiveReader::version`](crate::ArchiveReader::version) returns it, for
/// [`Archive::open_version`](crate::Archive::open_version). Two are equal when everything that the store
/// says of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    meta: ObjectMeta,
}

impl ObjectVersion {
    pub(crate) fn new(meta: ObjectMeta) -> Self {
        Self { meta }
    }

    /// Where the object is, its extension included.
    pub fn location(&self) -> &Path {
        &self.meta.location
    }

    /// The object's entity tag, if the store gave one.
    pub fn e_tag(&self) -> Option<&str> {
        self.meta.e_tag.as_deref()
    }

    /// The object's length in bytes.
    pub fn stored_length(&self) -> u64 {
        self.meta.size
    }

    /// Asks the store to refuse another object.
    pub(crate) fn condition(&self) -> GetOptions {
        // RFC 9110, section 13.1.1: a weak tag matches nothing here, not even itself.
        let strong = self.e_tag().filter(|tag| !tag.starts_with("W/"));
        GetOptions::new().with_if_match(strong)
    }

    /// Whether `found`, which the store sent from the same location, is still this object: stores may
    /// ignore conditions.
    pub(crate) fn is(&self, found: &Self) -> bool {
        let same_tag = match (self.e_tag(), found.e_tag()) {
            (Some(tag), Some(other)) => tag == other,
            _ => self.meta.last_modified == found.meta.last_modified,
        };
        same_tag && self.meta.size == found.meta.size
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn version(e_tag: Option<&str>, modified: u64, size: u64) -> ObjectVersion {
        let mut meta = ObjectMeta {
            location: Path::from("a"),
            last_modified: Default::default(),
            size,
            e_tag: e_tag.map(ToOwned::to_owned),
            version: None,
        };
        meta.last_modified += Duration::from_secs(modified);
        ObjectVersion::new(meta)
    }

    #[test]
    fn a_tag_tells_and_without_one_the_time() {
        for (one, other, same) in [
            ((Some("1"), 1, 1), (Some("1"), 2, 1), true),
            ((Some("1"), 1, 1), (Some("2"), 1, 1), false),
            ((Some("1"), 1, 1), (Some("1"), 1, 2), false),
            ((None, 1, 1), (None, 1, 1), true),
            ((None, 1, 1), (None, 2, 1), false),
            ((None, 1, 1), (None, 1, 2), false),
            ((Some("1"), 1, 1), (None, 2, 1), false),
        ] {
            let of = |(e_tag, modified, size)| version(e_tag, modified, size);
            assert_eq!(of(one).is(&of(other)), same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_weak_tag_is_no_condition() {
        for (tag, condition) in [
            (Some("\"1\""), Some("\"1\"")),
            (Some("W/\"1\""), None),
            (None, None),
        ] {
            let options = version(tag, 1, 1).condition();
            assert_eq!(options.if_match.as_deref(), condition);
        }
    }
}
