mod existing_object;

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
    time::Duration,
};

use object_store::{
    Error as StoreError, MultipartUpload, ObjectMeta, PutMode, PutOptions, PutPayload, PutResult,
    path::Path,
};
use tokio::time::Instant;

use self::existing_object::look;
use super::{
    error::{CommitError, WriteError},
    multipart_upload::{Upload, abort},
};
use crate::{
    codec::CodecKind,
    digest::{RawDocument, Sha256Digest},
    metadata::{self, AttributeSupport, Nonce},
    settings::{Overwrite, Shared},
};

/// The last step: one request that makes a whole object visible, and what it takes to know whether
/// it did.
pub(crate) struct Commit {
    pub(crate) archive: Arc<Shared>,
    pub(crate) location: Path,
    pub(crate) nonce: Nonce,
    pub(crate) document: RawDocument,
    pub(crate) stored_bytes: u64,
    pub(crate) digest_time: Duration,
    pub(crate) started: Instant,
}

impl Commit {
    /// `upload` is open and drained, or has not started: then `payload` is the whole object.
    pub(crate) async fn run(
        self,
        mut upload: Upload,
        payload: PutPayload,
    ) -> Result<Receipt, CommitError> {
        if !upload.has_started() {
            return self.put(payload).await;
        }
        let parts = upload.parts();
        match upload.take_open() {
            Some(upload) => self.complete(upload, parts).await,
            None => unreachable!("a drained upload is open"),
        }
    }

    async fn put(self, payload: PutPayload) -> Result<Receipt, CommitError> {
        if self.archive.settings.overwrite == Overwrite::Replace {
            let put = self.put_with(payload, PutMode::Overwrite).await;
            return self.settle(put, Placement::Replacing, 1).await;
        }
        match self.put_with(payload.clone(), PutMode::Create).await {
            Err(StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) => {}
            put => return self.settle(put, Placement::Exclusive, 1).await,
        }
        match self.look_before().await {
            Continue(placement) => {
                let put = self.put_with(payload, PutMode::Overwrite).await;
                self.settle(put, placement, 1).await
            }
            Break(done) => done,
        }
    }

    async fn put_with(&self, payload: PutPayload, mode: PutMode) -> Result<PutResult, StoreError> {
        let settings = &self.archive.settings;
        let mut options = PutOptions::from(mode);
        if settings.attributes == AttributeSupport::Kept {
            options.attributes = metadata::attributes(
                settings.codec,
                &settings.content_type,
                &self.nonce,
                Some(self.document),
            );
        }
        let store = &self.archive.store;
        store.put_opts(&self.location, payload, options).await
    }

    async fn complete(
        self,
        mut upload: Box<dyn MultipartUpload>,
        parts: usize,
    ) -> Result<Receipt, CommitError> {
        let before = match self.archive.settings.overwrite {
            Overwrite::Replace => Continue(Placement::Replacing),
            Overwrite::CreateOnly => self.look_before().await,
        };
        let result = match before {
            Continue(placement) => match upload.complete().await {
                Ok(put) => return Ok(self.receipt(put.e_tag, put.version, placement, parts)),
                Err(source) => match self.settle(Err(source), placement, parts).await {
                    Err(CommitError::Refused { source, .. }) => {
                        return self.refuse(source, placement, parts, &mut *upload).await;
                    }
                    settled => settled,
                },
            },
            Break(done) => done,
        };
        match result {
            // The answer to completing was an error, yet the object is there: nothing to abort.
            Ok(receipt) if receipt.placement != Placement::AlreadyThere => Ok(receipt),
            Ok(receipt) => {
                if let Err(error) = abort(&mut *upload).await {
                    let location = &self.location;
                    tracing::warn!(%location, %error, "an upload that was not needed could not be aborted");
                }
                Ok(receipt)
            }
            Err(error) => {
                let aborted = abort(&mut *upload).await;
                Err(error.with_clean_up(self.abort_error(aborted)))
            }
        }
    }

    /// Aborts an upload whose completion failed and whose object is not there, and makes sure that it
    /// will not be: when there is nothing left to abort, the completion has overtaken the look.
    async fn refuse(
        &self,
        source: StoreError,
        placement: Placement,
        parts: usize,
        upload: &mut dyn MultipartUpload,
    ) -> Result<Receipt, CommitError> {
        match upload.abort().await {
            Err(StoreError::NotFound { .. }) => self.settle(Err(source), placement, parts).await,
            aborted => Err(self
                .refused(source)
                .with_clean_up(self.abort_error(aborted))),
        }
    }

    fn abort_error(&self, aborted: Result<(), StoreError>) -> Option<WriteError> {
        let source = aborted.err()?;
        Some(WriteError::abort(&self.location, source))
    }

    /// Turns the answer to the last request into a receipt, or looks whether it was carried out.
    async fn settle(
        &self,
        answer: Result<PutResult, StoreError>,
        placement: Placement,
        parts: usize,
    ) -> Result<Receipt, CommitError> {
        let source = match answer {
            Ok(put) => return Ok(self.receipt(put.e_tag, put.version, placement, parts)),
            Err(source) => source,
        };
        let found = match look(&*self.archive.store, &self.location).await {
            Ok(Some(found)) => found,
            Ok(None) => return Err(self.refused(source)),
            Err(look) => return Err(self.unknown(source, Some(look))),
        };
        if self.nonce.is_on(&found.attributes) && found.meta.size == self.stored_bytes {
            let ObjectMeta { e_tag, version, .. } = found.meta;
            return Ok(self.receipt(e_tag, version, placement, parts));
        }
        self.decide_by(found, source, placement, parts).await
    }

    fn refused(&self, source: StoreError) -> CommitError {
        CommitError::Refused {
            location: self.location.clone(),
            source,
            clean_up: None,
        }
    }

    fn unknown(&self, source: StoreError, look: Option<StoreError>) -> CommitError {
        CommitError::Unknown {
            location: self.location.clone(),
            source,
            look: look.map(Box::new),
            clean_up: None,
        }
    }

    fn receipt(
        &self,
        e_tag: Option<String>,
        version: Option<String>,
        placement: Placement,
        parts: usize,
    ) -> Receipt {
        let settings = &self.archive.settings;
        Receipt {
            location: self.location.clone(),
            e_tag,
            version,
            raw_bytes: self.document.bytes,
            stored_bytes: self.stored_bytes,
            sha256: self.document.sha256,
            codec: settings.codec.kind(),
            parts,
            placement,
            elapsed: self.started.elapsed(),
            digest_time: self.digest_time,
        }
    }
}

/// What was committed: an object that is whole and visible.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Where the object is in its store.
    pub location: Path,
    /// Its entity tag, if the store gave one.
    pub e_tag: Option<String>,
    /// Its version, if the store keeps versions.
    pub version: Option<String>,
    /// The length of the raw document.
    pub raw_bytes: u64,
    /// The length of the object.
    pub stored_bytes: u64,
    /// The SHA-256 of the raw document; `None` when it was neither computed nor given.
    pub sha256: Option<Sha256Digest>,
    /// How the object is encoded.
    pub codec: CodecKind,
    /// How many requests carried it: 1 for a single PUT, else the number of parts. 0 when it was
    /// there already and nothing had been sent.
    pub parts: usize,
    /// How the rule about overwriting was kept.
    pub placement: Placement,
    /// From [`Archive::create`](crate::Archive::create) to the store's last answer.
    pub elapsed: Duration,
    /// How much of that was spent on the SHA-256.
    pub digest_time: Duration,
}

/// How a committed object came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Placement {
    /// Created, and the store itself made sure that nothing was replaced.
    Exclusive,
    /// Created after nothing was found there. Somebody who wrote between the look and the commit
    /// has been replaced.
    CheckedBefore,
    /// Written without a look, since the store did not allow one. If there was something, it has
    /// been replaced.
    Unchecked,
    /// Written, replacing whatever was there, as [`Overwrite::Replace`](crate::Overwrite::Replace)
    /// asks.
    Replacing,
    /// The same document was there already and has been left alone. The receipt is that object's.
    AlreadyThere,
}
