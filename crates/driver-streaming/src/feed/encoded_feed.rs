use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use archive_sink::{Codec, EncodedStream};
use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{TryStreamExt, stream};
use tee_stream::{Branch, BranchOptions, Tee};

use super::parkable::{Attendance, Produce};
use super::shared_document::SharedDocument;
use super::tee_settings::TeeSettings;
use crate::document::{DocumentError, DocumentStream, Skip};

/// A document as it is compressed, once for all readers that want the same bytes.
///
/// A tee of its own: its source is one branch of the raw document, and a reader that falls behind too far has the
/// document compressed again, from byte 0, for what comes after its offset.
pub(super) struct EncodedFeed {
    codec: Codec,
    tee: Tee<DocumentError>,
    attendance: Arc<Attendance>,
    compressed: Arc<AtomicU64>,
}

impl EncodedFeed {
    pub(super) fn new(
        shared: &Arc<SharedDocument>,
        tail: &Bytes,
        codec: Codec,
        settings: TeeSettings,
    ) -> Self {
        let attendance = Arc::new(Attendance::default());
        let (raw, tail) = (shared.tee().clone(), tail.clone());
        let compressed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&compressed);
        let produce: Produce = Arc::new(move |offset| {
            let branch = branch(&raw, codec, &tail);
            encode(branch, codec, offset, Arc::clone(&count))
        });
        let productions = Arc::clone(&attendance);
        let tee = settings.tee(move |offset| productions.production(offset, Arc::clone(&produce)));
        Self {
            codec,
            tee,
            attendance,
            compressed,
        }
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn tee(&self) -> &Tee<DocumentError> {
        &self.tee
    }

    /// How many bytes compressions have yielded, those included that were thrown away since a reader had them already.
    pub(super) fn bytes_compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed)
    }

    pub(super) fn branch(&self, options: BranchOptions) -> Branch<DocumentError> {
        self.attendance.enter();
        let attendance = Arc::clone(&self.attendance);
        self.tee
            .branch_with(options.on_end(move |_end| attendance.leave()))
    }
}

fn branch(raw: &Tee<DocumentError>, codec: Codec, tail: &Bytes) -> Branch<DocumentError> {
    let options = BranchOptions::new()
        .name(codec.to_string())
        .tail(tail.clone());
    raw.branch_with(options)
}

fn encode(
    raw: Branch<DocumentError>,
    codec: Codec,
    offset: u64,
    compressed: Arc<AtomicU64>,
) -> DocumentStream {
    let encoded = match EncodedStream::new(raw, codec) {
        Ok(encoded) => Either::Left(encoded.map_err(DocumentError::new)),
        Err(error) => Either::Right(stream::iter([Err(DocumentError::new(error))])),
    };
    let counted = encoded.inspect_ok(move |chunk| {
        compressed.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    });
    // The same bytes give the same compressed bytes, and that they are the same the tee of `raw` sees to.
    Box::pin(Skip::new(counted, offset))
}
