use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use object_store::{Attribute, Attributes};

use crate::{
    codec::Codec,
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
    /// It does, as S3, Google Cloud Storage, Azure and memory. Names are used as they are.
    #[default]
    Kept,
    /// It does not, as local folders and plain HTTP servers. The codec's extension is appended to names.
    Absent,
}

/// Identifies one writer's upload: the object that carries it is that writer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nonce(String);

impl Nonce {
    pub(crate) fn new() -> Self {
        Self(unique_word())
    }

    pub(crate) fn is_on(&self, attributes: &Attributes) -> bool {
        nonce(attributes) == Some(&self.0)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A word that is unique across processes: the standard library takes its keys for hash maps from the system.
pub(crate) fn unique_word() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
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
    }
    // Google Cloud Storage decompresses on the way out without this
    // (https://cloud.google.com/storage/docs/transcoding), and caches may compress what is not. Other stores just keep it.
    insert(Attribute::CacheControl, "no-transform".into());
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

/// The nonce in the metadata, if there is one.
pub(crate) fn nonce(attributes: &Attributes) -> Option<&str> {
    metadata(attributes, NONCE)
}

/// The digest in the metadata, if there is one that can be read.
pub(crate) fn sha256(attributes: &Attributes) -> Option<Sha256Digest> {
    Sha256Digest::from_hex(metadata(attributes, SHA256)?)
}

/// The raw length in the metadata, if there is one that can be read.
pub(crate) fn raw_bytes(attributes: &Attributes) -> Option<u64> {
    metadata(attributes, RAW_BYTES)?.parse().ok()
}

/// The codec in the metadata, by its name.
pub(crate) fn codec(attributes: &Attributes) -> Option<&str> {
    metadata(attributes, CODEC)
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
    use crate::codec::CodecKind;

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
            assert_eq!(super::codec(&attributes), Some(kind.name()));
            let cache_control = attributes.get(&Attribute::CacheControl);
            assert_eq!(cache_control.map(AsRef::as_ref), Some("no-transform"));
        }
    }
}
