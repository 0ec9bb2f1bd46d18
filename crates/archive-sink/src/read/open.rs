use bytes::Bytes;
use futures_core::stream::BoxStream;
use object_store::{
    Attribute, Attributes, Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore,
    ObjectStoreExt, path::Path,
};

use super::error::{ReadError, ReadErrorKind};
use crate::{
    codec::CodecKind,
    digest_place::{self, TRAILER_BYTES_AT_MOST},
    metadata,
};

/// An object whose content is on its way.
pub(crate) struct Opened {
    pub(crate) version: ObjectVersion,
    pub(crate) attributes: Attributes,
    pub(crate) content: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Opened {
    fn new(location: Path, result: GetResult) -> Self {
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

/// Describes an object by its metadata, its name and its end.
pub(crate) async fn describe(
    store: &dyn ObjectStore,
    location: &Path,
    stored_bytes: u64,
) -> Result<Description, ReadError> {
    let start = stored_bytes.saturating_sub(TRAILER_BYTES_AT_MOST as u64);
    let end = (stored_bytes > 0).then_some(start..stored_bytes);
    let options = GetOptions::new().with_head(end.is_none()).with_range(end);
    let cannot_open = |source| cannot_open(location, source);
    let result = store.get_opts(location, options).await;
    let result = result.map_err(cannot_open)?;
    let attributes = result.attributes.clone();
    let end = result.bytes().await.map_err(cannot_open)?;
    let codec = codec_of(&attributes, location.as_ref());
    let codec =
        codec.map_err(|coding| ReadError::new(location, ReadErrorKind::UnknownCoding(coding)))?;
    let noted = || Some(digest_place::parse(codec, &end)?.bytes);
    let raw_bytes = metadata::raw_bytes(&attributes).or_else(noted);
    let raw_bytes = raw_bytes.or_else(|| match codec {
        CodecKind::Identity => Some(stored_bytes),
        // RFC 1952, section 2.3.1.
        CodecKind::Gzip => Some(u32::from_le_bytes(*end.last_chunk()?).into()),
        CodecKind::Zstd | CodecKind::Brotli => None,
    });
    Ok(Description { codec, raw_bytes })
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

fn cannot_open(location: &Path, source: StoreError) -> ReadError {
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

    use object_store::{PutOptions, memory::InMemory};

    use super::*;
    use crate::digest::RawDocument;

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

    #[tokio::test]
    async fn what_is_noted_counts_before_what_is_at_the_end() {
        use CodecKind::{Brotli, Gzip, Identity, Zstd};

        let noted = |codec: &'static str, bytes: Option<&'static str>| {
            let codec = (Attribute::Metadata("archivecodec".into()), codec);
            let bytes = bytes.map(|bytes| (Attribute::Metadata("archiverawbytes".into()), bytes));
            Attributes::from_iter([codec].into_iter().chain(bytes))
        };
        let (none, length) = (Attributes::new, &b"....\x09\0\0\0"[..]);
        let document = RawDocument::new(7).with_sha256([1; 32].into());
        let trailer = |kind| [b"..", &digest_place::trailer(kind, document)[..]].concat();
        for (name, attributes, content, codec, raw_bytes) in [
            ("7.json.gz", none(), length, Gzip, Some(9)),
            ("7.json.gz", none(), &trailer(Gzip), Gzip, Some(7)),
            ("7.json.gz", none(), b"..", Gzip, None),
            ("7.json.zst", none(), &trailer(Zstd), Zstd, Some(7)),
            ("7.json.zst", none(), b"..", Zstd, None),
            ("7.json", none(), b"{}", Identity, Some(2)),
            ("7.json", none(), b"", Identity, Some(0)),
            ("7.json", noted("gzip", Some("5")), length, Gzip, Some(5)),
            ("7.json", noted("gzip", None), length, Gzip, Some(9)),
            ("7.json", coded("br"), b"..", Brotli, None),
        ] {
            let (store, location) = (InMemory::new(), Path::from(name));
            let length = content.len() as u64;
            let options = PutOptions::from(attributes);
            let put = store.put_opts(&location, content.to_vec().into(), options);
            put.await.unwrap();
            let found = describe(&store, &location, length).await.unwrap();
            assert_eq!(found, Description { codec, raw_bytes }, "{name}");
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
