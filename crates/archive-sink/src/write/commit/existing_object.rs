use std::ops::ControlFlow::{self, Break, Continue};

use futures_util::StreamExt;
use object_store::{
    Attributes, Error as StoreError, GetOptions, ObjectMeta, ObjectStore, path::Path,
};

use super::{Commit, CommitError, Placement, Receipt, exists};
use crate::{
    digest::{RawDocument, Sha256Digest, Sha256Hasher},
    metadata,
    read::{error::ReadErrorKind, limit::ReadLimit, open, reader::ArchiveReader},
};

/// What an object that is there already means for a commit.
impl Commit {
    /// Whether creating would replace something, for stores that do not check it themselves. Goes on with
    /// how the object will have been placed, unless all is decided.
    pub(super) async fn look_before(&self) -> ControlFlow<Result<Receipt, CommitError>, Placement> {
        match look(&*self.archive.store, &self.location).await {
            // Who may only write cannot look. The receipt says so.
            Err(
                StoreError::PermissionDenied { .. }
                | StoreError::NotImplemented { .. }
                | StoreError::NotSupported { .. },
            ) => Continue(Placement::Unchecked),
            Err(source) => Break(Err(self.refused(source))),
            Ok(None) => Continue(Placement::CheckedBefore),
            Ok(Some(found)) => match self.same_document(&found).await {
                Sameness::Same => Break(Ok(self.already_there(&found))),
                sameness => Break(Err(self.conflict(sameness == Sameness::Different))),
            },
        }
    }

    /// What it means that the last request failed, and that an object is there which this writer has not made.
    pub(super) async fn decide_by(
        &self,
        found: Found,
        source: StoreError,
        placement: Placement,
    ) -> Result<Receipt, CommitError> {
        let exists = exists(&source);
        let only_creates = placement != Placement::Replacing;
        if self.archive.settings.keeps_attributes() && !(only_creates && exists) {
            // The nonce is another's, so the request was not carried out.
            return Err(self.refused(source));
        }
        match self.same_document(&found).await {
            Sameness::Same if exists => Ok(self.already_there(&found)),
            Sameness::Same => {
                let ObjectMeta { e_tag, version, .. } = found.meta;
                Ok(self.receipt(e_tag, version, placement))
            }
            sameness if exists => Err(self.conflict(sameness == Sameness::Different)),
            Sameness::Different => Err(self.refused(source)),
            Sameness::Unknown => Err(self.unknown(source, None, true)),
        }
    }

    async fn same_document(&self, found: &Found) -> Sameness {
        found.compare(&*self.archive.store, self.document).await
    }

    pub(super) fn conflict(&self, compared: bool) -> CommitError {
        CommitError::Conflict {
            location: self.location.clone(),
            compared,
            clean_up: None,
        }
    }

    fn already_there(&self, found: &Found) -> Receipt {
        let meta = found.meta.clone();
        let receipt = self.receipt(meta.e_tag, meta.version, Placement::AlreadyThere);
        let codec = open::codec_of(&found.attributes, self.location.as_ref());
        Receipt {
            stored_bytes: meta.size,
            parts: 0,
            codec: codec.unwrap_or(receipt.codec),
            ..receipt
        }
    }
}

/// An object that was found where one is to be, or may have been, written.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) meta: ObjectMeta,
    pub(super) attributes: Attributes,
}

/// Whether an object holds a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sameness {
    Same,
    Different,
    /// There is no digest to compare with, or the object may not be read.
    Unknown,
}

impl Sameness {
    fn of(same: bool) -> Self {
        if same { Self::Same } else { Self::Different }
    }
}

/// Asks the store what is at a location, without its content.
pub(super) async fn look(
    store: &dyn ObjectStore,
    location: &Path,
) -> Result<Option<Found>, StoreError> {
    let options = GetOptions::new().with_head(true);
    match store.get_opts(location, options).await {
        Ok(result) => Ok(Some(Found {
            meta: result.meta,
            attributes: result.attributes,
        })),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Found {
    /// Compares with a document: by the digest in the metadata, else by reading the object.
    async fn compare(&self, store: &dyn ObjectStore, document: RawDocument) -> Sameness {
        let Some(expected) = document.sha256 else {
            return Sameness::Unknown;
        };
        match metadata::sha256(&self.attributes) {
            Some(digest) => Sameness::of(digest == expected),
            None => self.read_and_compare(store, document.bytes, expected).await,
        }
    }

    async fn read_and_compare(
        &self,
        store: &dyn ObjectStore,
        bytes: u64,
        expected: Sha256Digest,
    ) -> Sameness {
        let opened = open::find(store, vec![self.meta.location.clone()], vec![]).await;
        let reader =
            opened.and_then(|found| ArchiveReader::decoded(found, None, ReadLimit::bytes(bytes)));
        let Ok(mut reader) = reader else {
            return Sameness::Unknown;
        };
        let mut hasher = Sha256Hasher::default();
        while let Some(chunk) = reader.next().await {
            match chunk.map_err(|error| error.kind) {
                Ok(chunk) => hasher.update(&chunk),
                Err(ReadErrorKind::Store { .. }) => return Sameness::Unknown,
                // Damaged, longer, or no archive at all.
                Err(_) => return Sameness::Different,
            }
        }
        Sameness::of(hasher.finish() == expected)
    }
}
