//! What is known of a raw document, at the end of its object: for objects whose metadata is fixed before that
//! is known, and for stores that keep none. Decoders pass over it: it is a gzip member without content that
//! has an extra field (RFC 1952, section 2.3.1.1), or a skippable frame of Zstandard (RFC 8878, section 3.1.2).

use crate::{
    codec::CodecKind,
    digest::{RawDocument, Sha256Digest},
};

/// What the field or frame starts with; the length (8 bytes, little-endian) and the SHA-256 follow.
const MARK: &[u8; 13] = b"archivesha256";
const FIELD_BYTES: usize = 0x35;

/// More than any trailer has.
pub(crate) const TRAILER_BYTES_AT_MOST: usize = 96;

/// Without a time, from an unknown system, and with one subfield AS; then one empty block, and the checksum
/// and the length of nothing.
const GZIP: (&[u8], &[u8]) = (
    b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x39\0AS\x35\0",
    b"\x03\0\0\0\0\0\0\0\0\0",
);
const ZSTD: (&[u8], &[u8]) = (b"\x50\x2a\x4d\x18\x35\0\0\0", b"");

/// What stands before and after the field; `None` for a codec that has no room for one.
fn around(kind: CodecKind) -> Option<(&'static [u8], &'static [u8])> {
    match kind {
        CodecKind::Gzip => Some(GZIP),
        CodecKind::Zstd => Some(ZSTD),
        CodecKind::Brotli | CodecKind::Identity => None,
    }
}

/// Whether objects of this codec can have a trailer.
pub(crate) fn has_room(kind: CodecKind) -> bool {
    around(kind).is_some()
}

/// What an object ends with. Nothing, where the digest is not known or the codec has no room for it.
pub(crate) fn trailer(kind: CodecKind, document: RawDocument) -> Vec<u8> {
    match (around(kind), document.sha256) {
        (Some((before, after)), Some(digest)) => {
            let length = document.bytes.to_le_bytes();
            [before, MARK, &length, digest.as_bytes(), after].concat()
        }
        _ => Vec::new(),
    }
}

/// What the last bytes of an object say, if they are a trailer.
pub(crate) fn parse(kind: CodecKind, end: &[u8]) -> Option<RawDocument> {
    let (before, after) = around(kind)?;
    let start = end
        .len()
        .checked_sub(before.len() + FIELD_BYTES + after.len())?;
    let field = end[start..].strip_prefix(before)?.strip_suffix(after)?;
    let (length, digest) = field.strip_prefix(MARK)?.split_first_chunk()?;
    let digest: [u8; 32] = digest.try_into().ok()?;
    Some(RawDocument::new(u64::from_le_bytes(*length)).with_sha256(Sha256Digest::from(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_from_the_end_alone() {
        let document = RawDocument::new(1 << 40).with_sha256([7; 32].into());
        for kind in CodecKind::ALL {
            let trailer = trailer(kind, document);
            assert_eq!(trailer.is_empty(), !has_room(kind));
            assert!(trailer.len() <= TRAILER_BYTES_AT_MOST);
            assert!(super::trailer(kind, RawDocument::new(1)).is_empty());
            if has_room(kind) {
                let end = [b"before", &trailer[..]].concat();
                assert_eq!(parse(kind, &end), Some(document));
                assert_eq!(parse(kind, &trailer), Some(document));
                assert_eq!(parse(kind, &trailer[1..]), None);
                assert_eq!(parse(kind, &[&trailer[..], b"x"].concat()), None);
            }
        }
    }
}
