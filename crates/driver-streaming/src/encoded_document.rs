use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt;
use tee_stream::{BranchOptions, Tee};

use crate::document::{DocumentError, skip_bytes};
use crate::encoding::{Codec, encode};
use crate::shared_document::{SharedDocument, tee};

/// A document as it is compressed, once for all readers that want the same bytes.
///
/// A tee of its own: its source is one branch of the raw document, and a reader that falls behind too far has the
/// document compressed again, from byte 0, for what comes after its offset.
pub(crate) struct EncodedDocument {
    pub(crate) tee: Tee<DocumentError>,
    compressed: Arc<AtomicU64>,
}

impl EncodedDocument {
    /// `shared` with `tail` appended, as `codec` compresses it.
    pub(crate) fn new(
        shared: &SharedDocument,
        tail: Bytes,
        codec: Codec,
        window_bytes: usize,
    ) -> Self {
        let raw = shared.tee.clone();
        let compressed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&compressed);
        let tee = tee(window_bytes, move |offset| {
            let options = BranchOptions::new()
                .name(codec.to_string())
                .tail(tail.clone());
            let count = Arc::clone(&count);
            let encoded = encode(raw.branch_with(options), codec).inspect_ok(move |chunk| {
                count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            });
            // The same bytes give the same compressed bytes.
            skip_bytes(encoded, offset)
        });
        Self { tee, compressed }
    }

    /// How many bytes compressions have yielded, those included that were thrown away since a reader had them already.
    pub(crate) fn bytes_compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed)
    }
}
