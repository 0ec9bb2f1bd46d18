use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt;
use tee_stream::{Branch, BranchOptions, Tee};

use crate::document::{DocumentError, skip_bytes};
use crate::encoding::{Codec, encode};
use crate::idle_release::{Produce, ReaderCount};
use crate::shared_document::{SharedDocument, tee};

/// A document as it is compressed, once for all readers that want the same bytes.
///
/// A tee of its own: its source is one branch of the raw document, and a reader that falls behind too far has the
/// document compressed again, from byte 0, for what comes after its offset.
pub(crate) struct EncodedDocument {
    codec: Codec,
    tee: Tee<DocumentError>,
    readers: Arc<ReaderCount>,
    compressed: Arc<AtomicU64>,
}

impl EncodedDocument {
    /// `shared` with `tail` appended, as `codec` compresses it.
    pub(crate) fn new(
        shared: &SharedDocument,
        tail: &Bytes,
        codec: Codec,
        window_bytes: usize,
    ) -> Self {
        let readers = Arc::new(ReaderCount::default());
        let (raw, tail) = (shared.tee().clone(), tail.clone());
        let compressed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&compressed);
        let produce: Produce = Arc::new(move |offset| {
            let options = BranchOptions::new()
                .name(codec.to_string())
                .tail(tail.clone());
            let count = Arc::clone(&count);
            let encoded = encode(raw.branch_with(options), codec).inspect_ok(move |chunk| {
                count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            });
            // The same bytes give the same compressed bytes, and the tee of `raw` checks that they are the same.
            Box::pin(skip_bytes(encoded, offset))
        });
        let productions = Arc::clone(&readers);
        let tee = tee(window_bytes, move |offset| {
            productions.production(offset, Arc::clone(&produce))
        });
        Self {
            codec,
            tee,
            readers,
            compressed,
        }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// How many bytes compressions have yielded, those included that were thrown away since a reader had them already.
    pub(crate) fn bytes_compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed)
    }

    /// The compressed document's length, if a compression has come to the end.
    pub(crate) fn known_length(&self) -> Option<u64> {
        self.tee.statistics().document_length
    }

    pub(crate) fn branch(&self, options: BranchOptions) -> Branch<DocumentError> {
        self.readers.enter();
        let readers = Arc::clone(&self.readers);
        self.tee
            .branch_with(options.on_end(move |_end| readers.leave()))
    }
}
