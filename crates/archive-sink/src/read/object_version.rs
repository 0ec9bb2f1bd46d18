use object_store::{GetOptions, ObjectMeta, path::Path};

/// An object as it was when it was opened, so that it can be told from one that has replaced it.
///
/// From [`ArchiveReader::version`](crate::ArchiveReader::version), for
/// [`Archive::open_version`](crate::Archive::open_version). Two are equal when all that the store says of them is.
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

    /// Whether `found`, which the store sent at the same location, is the object still: stores may ignore conditions.
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
