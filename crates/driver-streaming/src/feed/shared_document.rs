use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt, future::Either};
use measured_body::ProductionMeter;
use tee_stream::Tee;
use tokio::sync::OnceCell;

use super::tee_settings::TeeSettings;
use crate::document::{DigestCell, Document, DocumentDigest, DocumentError, panicked, produce};

/// One document of a run, with the tee that all its readers are branches of.
pub(super) struct SharedDocument {
    document: Arc<dyn Document>,
    tee: Tee<DocumentError>,
    digest: Option<DigestCell>,
    length: OnceCell<u64>,
    /// What earlier runs had produced of the same document.
    produced_before: u64,
}

impl SharedDocument {
    pub(super) fn new(
        document: Arc<dyn Document>,
        meter: &ProductionMeter,
        settings: TeeSettings,
    ) -> Self {
        let produced_before = document.bytes_produced();
        let digest = settings.digest.then(DigestCell::default);
        let tee = {
            let (document, meter, digest) = (Arc::clone(&document), meter.clone(), digest.clone());
            settings.tee(move |offset| {
                let production = meter.measure(produce(&*document, offset));
                match &digest {
                    Some(digest) => Either::Left(digest.follow(production, offset)),
                    None => Either::Right(production),
                }
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

    pub(super) fn tee(&self) -> &Tee<DocumentError> {
        &self.tee
    }

    pub(super) fn is_digested(&self) -> bool {
        self.digest.is_some()
    }

    /// The digest of the document with `tail` appended, once it is known.
    pub(super) fn digest_with(&self, tail: &[u8]) -> Option<DocumentDigest> {
        self.digest.as_ref()?.with_tail(tail)
    }

    pub(super) fn origin(&self) -> Option<DocumentDigest> {
        self.document.origin()
    }

    /// The length, counted once for all who ask.
    pub(super) async fn length(&self) -> Result<u64, DocumentError> {
        let count = || async {
            let counted = async { self.document.length().await };
            match AssertUnwindSafe(counted).catch_unwind().await {
                Ok(length) => length,
                Err(panic) => Err(panicked(&*panic)),
            }
        };
        self.length.get_or_try_init(count).await.copied()
    }

    /// The length, if a production has come to the end.
    pub(super) fn known_length(&self) -> Option<u64> {
        self.tee.statistics().document_length
    }

    /// How many bytes this run has produced.
    pub(super) fn bytes_produced(&self) -> u64 {
        self.document
            .bytes_produced()
            .saturating_sub(self.produced_before)
    }
}
