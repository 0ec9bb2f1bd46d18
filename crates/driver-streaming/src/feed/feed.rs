use std::sync::Arc;

use archive_sink::Codec;
use bytes::Bytes;
use tee_stream::{Branch, BranchOptions, LagPolicy};

use super::encoded_feed::EncodedFeed;
use super::shared_document::SharedDocument;
use crate::document::{DocumentDigest, DocumentError};

/// Where a reader takes its document from: a branch at a time, each from byte 0.
#[derive(Clone)]
pub(crate) struct Feed {
    shared: Arc<SharedDocument>,
    tail: Bytes,
    encoded: Option<Arc<EncodedFeed>>,
}

impl Feed {
    pub(super) fn raw(shared: Arc<SharedDocument>, tail: Bytes) -> Self {
        Self {
            shared,
            tail,
            encoded: None,
        }
    }

    pub(super) fn encoded(
        shared: Arc<SharedDocument>,
        tail: Bytes,
        encoded: Arc<EncodedFeed>,
    ) -> Self {
        Self {
            shared,
            tail,
            encoded: Some(encoded),
        }
    }

    /// One more reader. Those that are there before the first is polled share one production.
    pub(crate) fn branch(&self, name: &str, policy: Option<LagPolicy>) -> Branch<DocumentError> {
        let options = BranchOptions::new().name(name);
        let options = match policy {
            Some(policy) => options.lag_policy(policy),
            None => options,
        };
        match &self.encoded {
            Some(encoded) => encoded.branch(options),
            None => self
                .shared
                .tee()
                .branch_with(options.tail(self.tail.clone())),
        }
    }

    /// How its bytes are encoded.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.encoded.as_ref().map(|encoded| encoded.codec())
    }

    /// Whether there will be a digest.
    pub(crate) fn is_digested(&self) -> bool {
        self.shared.is_digested()
    }

    /// The digest of the raw document that its readers are sent, the tail included, once it is known.
    pub(crate) fn digest(&self) -> Option<DocumentDigest> {
        self.shared.digest_with(&self.tail)
    }

    /// The length of the raw document, the tail included, once it is known.
    pub(crate) fn known_length(&self) -> Option<u64> {
        Some(self.shared.known_length()? + self.tail.len() as u64)
    }

    /// Finds out the length of the raw document, the tail included. Counted once for all who ask.
    pub(crate) async fn count_length(&self) -> Result<u64, DocumentError> {
        Ok(self.shared.length().await? + self.tail.len() as u64)
    }
}
