use bytes::Bytes;
use futures_core::stream::BoxStream;
use object_store::{
    Attribute, Attributes, Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore,
    ObjectStoreExt, path::Path,
};

use super::error::{ReadError, ReadErrorKind};
use crate::{codec::CodecKind, metadata};

/// An object whose content is on its way.
pub(crate) struct Opened {
    pub(crate) version: ObjectVersion,
    pub(crate) attributes: Attributes,
    pub(crate) content: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Opened {
    pub(crate) fn new(location: Path, result: GetResult) -> Self {
        // Under the name that was asked for: a store may return another.
        let version = ObjectMeta {
            location,
            ..result.meta.clone()
        };
        Self {
            version,
            attributes: result.attributes.clone(),
            content: result.into_stream(),
        }
    }

    pub(crate) fn codec(&self) -> Result<CodecKind, ReadError> {
        let location = &self.version.location;
        codec_of(&self.attributes, location.as_ref())
            .map_err(|coding| ReadError::new(location, ReadErrorKind::UnknownCoding(coding)))
    }
}

/// How an object is encoded, by its `Content-Encoding`, else its metadata, else its name. Content is not looked at.
///
/// # Errors
///
/// The content coding, if this crate does not know it or there is more than one.
pub(crate) fn codec_of(attributes: &Attributes, name: &str) -> Result<CodecKind, String> {
    if let Some(coding) = attributes.get(&Attribute::ContentEncoding) {
        // `aws-chunked` is a transfer coding that some S3-like stores leave in the header.
        let mut codings = coding
            .split(',')
            .map(str::trim)
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"));
        match (codings.next(), codings.next()) {
            (None, _) => {}
            (Some(only), None) => {
                return CodecKind::of_content_coding(only).ok_or_else(|| coding.to_string());
            }
            (Some(_), Some(_)) => return Err(coding.to_string()),
        }
    }
    match metadata::codec(attributes) {
        // A codec of a later version: its bytes are not the document's.
        Some(noted) => noted.parse().map_err(|_| noted.to_owned()),
        None => Ok(CodecKind::of_extension(name).unwrap_or(CodecKind::Identity)),
    }
}

/// What a store says of an object. [`Archive::describe`](crate::Archive::describe) returns it; nothing of it is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The codec.
    pub codec: CodecKind,
    /// The raw document's length, if the object notes it. For gzip without a note, modulo 4 GiB.
    pub raw_bytes: Option<u64>,
}

/// Opens the first object found in `named`, which has at least one place, or else the only one found in `guessed`.
pub(crate) async fn find(
    store: &dyn ObjectStore,
    named: Vec<Path>,
    guessed: Vec<Path>,
) -> Result<Opened, ReadError> {
    let mut missing = None;
    for location in named {
        match store.get_opts(&location, GetOptions::new()).await {
            Ok(result) => return Ok(Opened::new(location, result)),
            Err(source @ StoreError::NotFound { .. }) => {
                missing.get_or_insert((location, ReadErrorKind::NotFound(source)));
            }
            Err(source) => return Err(cannot_open(&location, source)),
        }
    }
    let mut found = vec![];
    for location in guessed {
        match store.head(&location).await {
            Ok(_there) => found.push(location),
            Err(StoreError::NotFound { .. }) => {}
            Err(source) => return Err(cannot_open(&location, source)),
        }
    }
    if let [only] = &found[..] {
        let result = store.get_opts(only, GetOptions::new()).await;
        let result = result.map_err(|source| cannot_open(only, source))?;
        return Ok(Opened::new(only.clone(), result));
    }
    match missing {
        Some((location, kind)) if found.is_empty() => Err(ReadError::new(&location, kind)),
        Some((location, _)) => Err(ReadError::new(&location, ReadErrorKind::Ambiguous(found))),
        None => unreachable!("there is at least one place to look at"),
    }
}

/// Opens an object, unless it has changed.
pub(crate) async fn find_again(
    store: &dyn ObjectStore,
    version: &ObjectVersion,
) -> Result<Opened, ReadError> {
    let location = version.location.clone();
    let changed = |source| ReadError::new(&version.location, ReadErrorKind::Changed(source));
    match store.get_opts(&location, condition(version)).await {
        Ok(result) => {
            let opened = Opened::new(location, result);
            if is_same(version, &opened.version) {
                Ok(opened)
            } else {
                Err(changed(None))
            }
        }
        Err(source @ (StoreError::Precondition { .. } | StoreError::NotFound { .. })) => {
            Err(changed(Some(source)))
        }
        Err(source) => Err(cannot_open(&location, source)),
    }
}

pub(crate) fn cannot_open(location: &Path, source: StoreError) -> ReadError {
    ReadError::new(location, ReadErrorKind::Store { offset: 0, source })
}

/// An object as it was when it was opened: [`ArchiveReader::version`](crate::ArchiveReader::version) returns it for
/// [`Archive::open_version`](crate::Archive::open_version).
pub type ObjectVersion = ObjectMeta;

/// Asks the store to refuse if the object has changed.
fn condition(version: &ObjectVersion) -> GetOptions {
    // RFC 9110, section 13.1.1: a weak tag matches nothing here, not even itself.
    let strong = version.e_tag.as_ref().filter(|tag| !tag.starts_with("W/"));
    GetOptions::new().with_if_match(strong)
}

/// Whether `found`, from the same location, is still this object: stores may ignore conditions.
fn is_same(version: &ObjectVersion, found: &ObjectVersion) -> bool {
    let same_tag = match (&version.e_tag, &found.e_tag) {
        (Some(tag), Some(other)) => tag == other,
        _ => version.last_modified == found.last_modified,
    };
    same_tag && version.size == found.size
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn coded(coding: &'static str) -> Attributes {
        Attributes::from_iter([(Attribute::ContentEncoding, coding)])
    }

    #[test]
    fn the_header_goes_before_the_name_and_nothing_is_guessed() {
        assert_eq!(codec_of(&coded("zstd"), "a.gz"), Ok(CodecKind::Zstd));
        assert_eq!(
            codec_of(&coded("aws-chunked, GZIP"), "a"),
            Ok(CodecKind::Gzip)
        );
        assert_eq!(
            codec_of(&coded("aws-chunked"), "a.br"),
            Ok(CodecKind::Brotli)
        );
        assert_eq!(
            codec_of(&coded("identity"), "a.gz"),
            Ok(CodecKind::Identity)
        );
        assert_eq!(codec_of(&Attributes::new(), "a.zst"), Ok(CodecKind::Zstd));
        assert_eq!(
            codec_of(&Attributes::new(), "a.json"),
            Ok(CodecKind::Identity)
        );
        for unknown in ["deflate", "gzip, br"] {
            assert_eq!(codec_of(&coded(unknown), "a"), Err(unknown.to_string()));
        }
    }

    fn version(e_tag: Option<&str>, modified: u64, size: u64) -> ObjectVersion {
        let mut version = ObjectMeta {
            location: Path::from("a"),
            last_modified: Default::default(),
            size,
            e_tag: e_tag.map(ToOwned::to_owned),
            version: None,
        };
        version.last_modified += Duration::from_secs(modified);
        version
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
            assert_eq!(is_same(&of(one), &of(other)), same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_weak_tag_is_no_condition() {
        for (tag, expected) in [
            (Some("\"1\""), Some("\"1\"")),
            (Some("W/\"1\""), None),
            (None, None),
        ] {
            let options = condition(&version(tag, 1, 1));
            assert_eq!(options.if_match.as_deref(), expected);
        }
    }
}
