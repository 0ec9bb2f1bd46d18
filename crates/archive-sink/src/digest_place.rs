//! Where an object's digest is stored, other than in its metadata, which may be fixed before the digest is known or not be
//! kept at all.
//!
//! For gzip and Zstandard, digest and raw length are at the object's end, where decoders skip them: in a gzip member
//! without content that has an extra field (RFC 1952, section 2.3.1.1), or in a skippable frame of Zstandard (RFC 8878,
//! section 3.1.2). Identity and brotli have no such place: the digest is in a small object beside it, which `sha256sum -c`
//! reads.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use object_store::{Attributes, Error as StoreError, ObjectStore, ObjectStoreExt, path::Path};

use crate::{
    codec::CodecKind,
    digest::{RawDocument, Sha256Digest},
    metadata::{self, Nonce},
    write::attempt::{Pauses, RequestEffect},
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

/// What an object ends with; empty if the digest is not known or the codec has no room for it.
pub(crate) fn trailer(kind: CodecKind, document: RawDocument) -> Vec<u8> {
    match (around(kind), document.sha256) {
        (Some((before, after)), Some(digest)) => {
            let length = document.bytes.to_le_bytes();
            [before, MARK, &length, digest.as_bytes(), after].concat()
        }
        _ => Vec::new(),
    }
}

/// Reads a trailer from the last bytes of an object, if they are one.
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

/// The extension of a digest beside its object.
pub(crate) const EXTENSION: &str = ".sha256";

/// How often putting a digest is attempted: few times, since a commit waits for it.
const ATTEMPTS: usize = 4;

/// What comes before the nonce: a comment to `sha256sum`.
const COMMENT: &str = "  -\n# ";

/// Where the digest beside an object is; `None` for a codec that has room for it in the object.
pub(crate) fn beside(kind: CodecKind, location: &Path) -> Option<Path> {
    Path::parse(format!("{location}{EXTENSION}"))
        .ok()
        .filter(|_| around(kind).is_none())
}

/// Writes the digest of an object beside it. With a `nonce`, it counts only for the object that has the same one: of two
/// writers at the same time, one may write the object last and the other the digest.
pub(crate) async fn write_beside(
    store: &dyn ObjectStore,
    beside: &Path,
    digest: Sha256Digest,
    nonce: Option<&Nonce>,
    mut pauses: Pauses,
) {
    let text = match nonce {
        Some(nonce) => format!("{digest}{COMMENT}{nonce}\n"),
        None => format!("{digest}  -\n"),
    };
    for _attempt in 0..ATTEMPTS {
        let put = store.put(beside, text.clone().into());
        if is_done(beside, put).await || !pauses.pause().await {
            break;
        }
    }
}

/// Deletes the digest beside an object that is to be replaced: the new object could not be read with it.
pub(crate) async fn delete_beside(store: &dyn ObjectStore, beside: &Path) {
    is_done(beside, store.delete(beside)).await;
}

/// Carries out a request. A failure, even a panic, is only a warning, since the object is whole without its digest. Returns
/// whether another attempt is of no use.
async fn is_done<T>(beside: &Path, request: impl Future<Output = Result<T, StoreError>>) -> bool {
    let error = match AssertUnwindSafe(request).catch_unwind().await {
        Ok(Ok(_) | Err(StoreError::NotFound { .. })) => return true,
        Ok(Err(error)) => Some(error),
        Err(_panic) => None,
    };
    let message = error
        .as_ref()
        .map_or("the store panicked".into(), StoreError::to_string);
    tracing::warn!(%beside, error = message, "a digest beside its object could not be written or deleted");
    let effect = error.as_ref().map(RequestEffect::of);
    !matches!(
        effect,
        Some(RequestEffect::Unclear | RequestEffect::NotSent)
    )
}

/// The digest beside an object of these attributes, if there is one that can be read.
pub(crate) async fn read_beside(
    store: &dyn ObjectStore,
    kind: CodecKind,
    location: &Path,
    attributes: &Attributes,
) -> Option<Sha256Digest> {
    // Any error means that there is none: without permission to list, S3 refuses what is not there.
    let range = 0..(64 + COMMENT.len() + 32) as u64;
    let text = store
        .get_range(&beside(kind, location)?, range)
        .await
        .ok()?;
    let text = str::from_utf8(&text).ok()?;
    let (digest, rest) = text.split_at_checked(64)?;
    let nonces = rest.strip_prefix(COMMENT).zip(metadata::nonce(attributes));
    let is_of_another = nonces.is_some_and(|(noted, found)| noted != found);
    Sha256Digest::from_hex(digest).filter(|_| !is_of_another)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_from_the_end_alone() {
        let document = RawDocument::new(1 << 40).with_sha256([7; 32].into());
        for kind in CodecKind::ALL {
            let trailer = trailer(kind, document);
            assert_eq!(trailer.is_empty(), around(kind).is_none());
            assert!(trailer.len() <= TRAILER_BYTES_AT_MOST);
            assert!(super::trailer(kind, RawDocument::new(1)).is_empty());
            if around(kind).is_some() {
                let end = [b"before", &trailer[..]].concat();
                assert_eq!(parse(kind, &end), Some(document));
                assert_eq!(parse(kind, &trailer), Some(document));
                assert_eq!(parse(kind, &trailer[1..]), None);
                assert_eq!(parse(kind, &[&trailer[..], b"x"].concat()), None);
            }
        }
    }
}
