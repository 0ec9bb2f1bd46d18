use object_store::{Attribute, Attributes};

use crate::{
    codec::{Codec, CodecKind},
    digest::{RawDocument, Sha256Digest},
};

/// Metadata names. Letters and digits only: Azure takes no hyphens, some proxies drop underscores.
const NONCE: &str = "archivenonce";
const SHA256: &str = "archivesha256";
const RAW_BYTES: &str = "archiverawbytes";
const CODEC: &str = "archivecodec";

/// Whether a store keeps attributes (`Content-Type`, `Content-Encoding`, metadata) with its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AttributeSupport {
    /// It does: S3, Google Cloud Storage, Azure, memory. Names are used as they are.
    #[default]
    Kept,
    /// It does not: local directories, plain HTTP servers. The codec's extension is appended to
    /// names.
    Absent,
}

/// Identifies one upload: an object that carries it is the one that this writer made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nonce(String);

impl Nonce {
    pub(crate) fn new() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    pub(crate) fn is_on(&self, attributes: &Attributes) -> bool {
        metadata(attributes, NONCE) == Some(&self.0)
    }
}

/// The attributes of a new object. `document` is known for a single PUT only.
pub(crate) fn attributes(
    codec: Codec,
    content_type: &str,
    nonce: &Nonce,
    document: Option<RawDocument>,
) -> Attributes {
    let mut attributes = Attributes::with_capacity(8);
    let mut insert = |attribute, value: String| {
        attributes.insert(attribute, value.into());
    };
    insert(Attribute::ContentType, content_type.into());
    if let Some(coding) = codec.content_encoding() {
        insert(Attribute::ContentEncoding, coding.into());
        // Google Cloud Storage decompresses on the way out without this
        // (https://cloud.google.com/storage/docs/transcoding). Other stores just keep it.
        insert(Attribute::CacheControl, "no-transform".into());
    }
    insert(named(NONCE), nonce.0.clone());
    insert(named(CODEC), codec.kind().name().into());
    if let Some(document) = document {
        insert(named(RAW_BYTES), document.bytes.to_string());
        if let Some(digest) = document.sha256 {
            insert(named(SHA256), digest.to_string());
        }
    }
    attributes
}

/// The digest in the metadata, if there is one that can be read.
pub(crate) fn sha256(attributes: &Attributes) -> Option<Sha256Digest> {
    Sha256Digest::from_hex(metadata(attributes, SHA256)?)
}

/// The raw length in the metadata, if there is one that can be read.
pub(crate) fn raw_bytes(attributes: &Attributes) -> Option<u64> {
    metadata(attributes, RAW_BYTES)?.parse().ok()
}

/// How an object is encoded: by its `Content-Encoding`, else by what its writer noted, else by its
/// name. Content is not looked at.
///
/// # Errors
///
/// The content coding, when it is none that this crate knows or more than one.
pub(crate) fn codec_of(attributes: &Attributes, name: &str) -> Result<CodecKind, String> {
    if let Some(coding) = attributes.get(&Attribute::ContentEncoding) {
        // `aws-chunked` is a transfer matter that some S3-like stores leave in the header.
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
    match metadata(attributes, CODEC) {
        // A codec of a later version: its bytes are not the document's.
        Some(noted) => noted.parse().map_err(|_| noted.to_owned()),
        None => Ok(CodecKind::of_extension(name).unwrap_or(CodecKind::Identity)),
    }
}

fn named(name: &'static str) -> Attribute {
    Attribute::Metadata(name.into())
}

fn metadata<'a>(attributes: &'a Attributes, name: &'static str) -> Option<&'a str> {
    attributes.get(&named(name)).map(AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(coding: &'static str) -> Attributes {
        Attributes::from_iter([(Attribute::ContentEncoding, coding)])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let nonce = Nonce::new();
        let digest = Sha256Digest::from([7; 32]);
        let document = RawDocument::new(9).with_sha256(digest);
        for kind in CodecKind::ALL {
            let codec = Codec::default_for(kind);
            let attributes = attributes(codec, "application/json", &nonce, Some(document));
            assert!(nonce.is_on(&attributes) && !Nonce::new().is_on(&attributes));
            assert_eq!(sha256(&attributes), Some(digest));
            assert_eq!(raw_bytes(&attributes), Some(9));
            // An extension that would say otherwise does not count.
            assert_eq!(codec_of(&attributes, "a.br"), Ok(kind));
        }
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
}
