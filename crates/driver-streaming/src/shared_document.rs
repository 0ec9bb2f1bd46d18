use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use measured_body::ProductionMeter;
use tee_stream::{Tee, TokioTimer};
use tokio::sync::OnceCell;

use crate::digest::{DocumentDigest, SharedDigest};
use crate::document::{Document, DocumentError};
use crate::production::{Production, count_length};

/// How many productions of one document may be under way at once, each with a window of its own: the default of
/// `tee-stream`.
pub(crate) const PRODUCTIONS_AT_ONCE: usize = 4;

/// A tee of the document that `produce` yields from an offset on.
pub(crate) fn tee<S>(
    window_bytes: usize,
    produce: impl Fn(u64) -> S + Send + Sync + 'static,
) -> Tee<DocumentError>
where
    S: Stream<Item = Result<Bytes, DocumentError>> + Send + 'static,
{
    let source = produce(0);
    Tee::builder()
        .window(window_bytes)
        .timer(TokioTimer::new())
        .replay(produce)
        .build(source)
}

/// One document of a run, with the tee that all its readers are branches of.
pub(crate) struct SharedDocument {
    document: Arc<dyn Document>,
    tee: Tee<DocumentError>,
    digest: Option<SharedDigest>,
    length: OnceCell<u64>,
    /// What earlier runs had produced of the same document.
    produced_before: u64,
}

impl SharedDocument {
    pub(crate) fn new(
        document: Arc<dyn Document>,
        meter: &ProductionMeter,
        window_bytes: usize,
        digest: bool,
    ) -> Self {
        let produced_before = document.bytes_produced();
        let digest = SharedDigest::if_enabled(digest);
        let tee = {
            let (document, meter, digest) = (Arc::clone(&document), meter.clone(), digest.clone());
            tee(window_bytes, move |offset| {
                Production::new(&*document, offset, &meter, digest.clone())
            })
        };
        Self {
            document,
            tee,
            digest,
            length: OnceCell::new(),
            produced_before,
        }
    }

    pub(crate) fn tee(&self) -> &Tee<DocumentError> {
        &self.tee
    }

    pub(crate) fn is_digested(&self) -> bool {
        self.digest.is_some()
    }

    /// The digest of the document with `tail` appended, once it is known.
    pub(crate) fn digest_with(&self, tail: &[u8]) -> Option<DocumentDigest> {
        self.digest.as_ref()?.with_tail(tail)
    }

    pub(crate) fn origin(&self) -> Option<DocumentDigest> {
        self.document.origin()
    }

    /// The length, counted once for all who ask.
    pub(crate) async fn length(&self) -> Result<u64, DocumentError> {
        let count = || count_length(&*self.document);
        self.length.get_or_try_init(count).await.copied()
    }

    /// The length, if a production has come to the end.
    pub(crate) fn known_length(&self) -> Option<u64> {
        self.tee.statistics().document_length
    }

    /// How many bytes this run has produced.
    pub(crate) fn bytes_produced(&self) -> u64 {
        self.document
            .bytes_produced()
            .saturating_sub(self.produced_before)
    }
}
