use object_store::path::Path;

use crate::{Codec, RawDocument, Sha256Digest, WriteError};

/// What the caller says of the raw document when committing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// The writer has seen it itself.
    Nothing,
    /// Its digest; the writer has seen the rest.
    Digest(Sha256Digest),
    /// All, since the writer has seen its encoding only.
    Encoded(RawDocument),
}

impl Told {
    /// The document that an object holds of which `written` was seen.
    ///
    /// # Errors
    ///
    /// When what was said cannot be true of what was seen.
    pub(super) fn document(
        self,
        written: RawDocument,
        codec: Codec,
        location: &Path,
    ) -> Result<RawDocument, WriteError> {
        match (self, written.sha256) {
            (Self::Nothing, _) => Ok(written),
            (Self::Digest(expected), Some(actual)) if expected != actual => {
                Err(WriteError::Digest {
                    location: location.clone(),
                    expected,
                    actual,
                })
            }
            (Self::Digest(sha256), _) => Ok(written.with_sha256(sha256)),
            (Self::Encoded(document), _) if !may_hold(codec, written.bytes, document.bytes) => {
                Err(WriteError::Length {
                    location: location.clone(),
                    raw_bytes: document.bytes,
                    encoded_bytes: written.bytes,
                })
            }
            (Self::Encoded(document), _) => Ok(document),
        }
    }
}

/// Whether an encoding of this length can be that of a document of that length, as far as lengths tell.
fn may_hold(codec: Codec, encoded_bytes: u64, raw_bytes: u64) -> bool {
    match codec {
        Codec::Identity => encoded_bytes == raw_bytes,
        // Every other codec has a header or a trailer.
        _ => encoded_bytes > 0,
    }
}
