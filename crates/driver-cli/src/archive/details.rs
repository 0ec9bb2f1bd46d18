//! What a listing does not say of an archive: how it is encoded, and how long it is when it is decoded.

use archive_sink::CodecKind;
use object_store::{Attribute, Attributes, GetOptions, path::Path};

use super::shelf::{Entry, Shelf};

/// How much of an object's end is read.
const END_BYTES: u64 = 96;

/// Stands in the end of an object before its raw length, where there is room for that.
const MARK: &[u8] = b"archivesha256";

#[derive(Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Details {
    pub(super) codec: Option<String>,
    pub(super) raw_bytes: Option<u64>,
}

impl Details {
    /// Asks the store for the end of an object, which comes with what else it knows. Says what it says: nothing is checked.
    pub(super) async fn of(shelf: &Shelf, entry: &Entry) -> Self {
        match Self::read(shelf, entry).await {
            Ok(details) => details,
            Err(error) => {
                tracing::warn!(name = entry.name, %error, "it cannot be looked at");
                Self::default()
            }
        }
    }

    async fn read(shelf: &Shelf, entry: &Entry) -> object_store::Result<Self> {
        let (store, prefix) = shelf.location.place();
        let length = entry.stored_bytes;
        let range = (length > 0).then(|| length.saturating_sub(END_BYTES)..length);
        let options = GetOptions::new()
            .with_head(range.is_none())
            .with_range(range);
        let key = Path::parse(format!("{prefix}/{}", entry.name))?;
        let found = store.get_opts(&key, options).await?;
        let attributes = found.attributes.clone();
        let end = found.bytes().await?;
        Ok(Self::from_parts(&entry.name, length, &attributes, &end))
    }

    fn from_parts(name: &str, length: u64, attributes: &Attributes, end: &[u8]) -> Self {
        let noted = |key: &'static str| attributes.get(&Attribute::Metadata(key.into()));
        let coding = noted("archivecodec").or(attributes.get(&Attribute::ContentEncoding));
        let by_name = || {
            let kinds = CodecKind::ALL.into_iter();
            let mut kinds =
                kinds.filter(|kind| kind.extension().is_some_and(|e| name.ends_with(e)));
            kinds.next().unwrap_or(CodecKind::Identity).to_string()
        };
        let codec = coding.map_or_else(by_name, |coding| coding.to_string());
        let noted = noted("archiverawbytes").and_then(|bytes| bytes.parse().ok());
        let raw_bytes = noted.or_else(|| match &*codec {
            "identity" => Some(length),
            "gzip" => marked(end).or_else(|| gzip_length(end)),
            _ => marked(end),
        });
        let codec = Some(codec);
        Self { codec, raw_bytes }
    }
}

/// The length after the mark.
fn marked(end: &[u8]) -> Option<u64> {
    let at = end.windows(MARK.len()).rposition(|part| part == MARK)?;
    let (length, _) = end[at + MARK.len()..].split_first_chunk()?;
    Some(u64::from_le_bytes(*length))
}

/// gzip ends with the length of what it encodes, of which only the last 32 bits are kept (RFC 1952, section 2.3.1).
fn gzip_length(end: &[u8]) -> Option<u64> {
    let length = end.last_chunk()?;
    Some(u32::from_le_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_counts_before_what_stands_at_the_end() {
        let noted = |codec: &'static str, bytes: Option<&'static str>| {
            let codec = (Attribute::Metadata("archivecodec".into()), codec);
            let bytes = bytes.map(|bytes| (Attribute::Metadata("archiverawbytes".into()), bytes));
            Attributes::from_iter([codec].into_iter().chain(bytes))
        };
        let marked = [b"..", MARK, &7_u64.to_le_bytes(), &[1; 32], b"..........."].concat();
        let coded = Attributes::from_iter([(Attribute::ContentEncoding, "br")]);
        for (name, attributes, end, codec, raw_bytes) in [
            (
                "7.json.gz",
                Attributes::new(),
                &b"....\x09\0\0\0"[..],
                "gzip",
                Some(9),
            ),
            ("7.json.gz", Attributes::new(), &marked, "gzip", Some(7)),
            ("7.json.zst", Attributes::new(), &marked, "zstd", Some(7)),
            ("7.json.zst", Attributes::new(), b"..", "zstd", None),
            ("7.json", Attributes::new(), b"{}", "identity", Some(2)),
            (
                "7.json",
                noted("gzip", Some("5")),
                b"....\x09\0\0\0",
                "gzip",
                Some(5),
            ),
            (
                "7.json",
                noted("gzip", None),
                b"....\x09\0\0\0",
                "gzip",
                Some(9),
            ),
            ("7.json", coded, b"..", "br", None),
        ] {
            let found = Details::from_parts(name, 2, &attributes, end);
            let expected = Details {
                codec: Some(codec.to_owned()),
                raw_bytes,
            };
            assert_eq!(found, expected, "{name} {attributes:?}");
        }
    }
}
