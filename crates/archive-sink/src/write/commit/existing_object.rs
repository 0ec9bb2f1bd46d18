use std::ops::ControlFlow::{self, Break, Continue};

use futures_util::StreamExt;
use object_store::{
    Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore, path::Path,
};

use super::{Commit, CommitError, Placement, Receipt, exists};
use crate::{
    digest::{Sha256Digest, Sha256Hasher},
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
            Ok(Some(found)) => match self
                .same_document(metadata::sha256(&found.attributes))
                .await
            {
                Sameness::Same => Break(Ok(self.already_there(&found))),
                sameness => Break(Err(self.conflict(sameness == Sameness::Different))),
            },
        }
    }

    /// What it means that the last request failed, and that an object is there which this writer has not made.
    pub(super) async fn decide_by(
        &self,
        found: GetResult,
        source: StoreError,
        placement: Placement,
    ) -> Result<Receipt, CommitError> {
        let exists = exists(&source);
        let only_creates = placement != Placement::Replacing;
        if self.archive.settings.keeps_attributes() && !(only_creates && exists) {
            // The nonce is another's, so the request was not carried out.
            return Err(self.refused(source));
        }
        match self
            .same_document(metadata::sha256(&found.attributes))
            .await
        {
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

    /// Compares an object with the document: by the digest in its metadata, else by reading it.
    async fn same_document(&self, digest: Option<Sha256Digest>) -> Sameness {
        let Some(expected) = self.document.sha256 else {
            return Sameness::Unknown;
        };
        if let Some(digest) = digest {
            return Sameness::of(digest == expected);
        }
        let (store, limit) = (&*self.archive.store, ReadLimit::bytes(self.document.bytes));
        let opened = open::find(store, vec![self.location.clone()], vec![]).await;
        let reader = opened.and_then(|found| ArchiveReader::decoded(found, None, limit));
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

    pub(super) fn conflict(&self, compared: bool) -> CommitError {
        CommitError::Conflict {
            location: self.location.clone(),
            compared,
            clean_up: None,
        }
    }

    fn already_there(&self, found: &GetResult) -> Receipt {
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
) -> Result<Option<GetResult>, StoreError> {
    let options = GetOptions::new().with_head(true);
    match store.get_opts(location, options).await {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
