use std::ops::ControlFlow::{self, Break, Continue};

use futures_util::StreamExt;
use object_store::{
    Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore, path::Path,
};

use super::{Commit, CommitError, Placement, Receipt, exists};
use crate::{
    digest::{Sha256Digest, Sha256Hasher},
    metadata,
    read::{error::ReadErrorKind, open, reader::ArchiveReader, verify::ReadLimit},
};

/// What an object that is there already means for a commit.
impl Commit {
    /// Looks whether creating would replace something, for stores that do not check it themselves. Continues with the
    /// placement that the object will have, or breaks with the outcome.
    pub(super) async fn look_before(&self) -> ControlFlow<Result<Receipt, CommitError>, Placement> {
        let looked = look(&*self.archive.store, &self.location);
        match self.answer(self.last_look, looked).await {
            // Who may only write cannot look. The receipt says so.
            Err(
                StoreError::PermissionDenied { .. }
                | StoreError::NotImplemented { .. }
                | StoreError::NotSupported { .. },
            ) => Continue(Placement::Unchecked),
            Err(source) => Break(Err(self.refused(source))),
            Ok(None) => Continue(Placement::CheckedBefore),
            Ok(Some(found)) => {
                let digest = metadata::sha256(&found.attributes);
                match self.same_document(digest).await {
                    Some(true) => Break(Ok(self.already_there(&found))),
                    same => Break(Err(self.conflict(same.is_some()))),
                }
            }
        }
    }

    /// Decides the outcome when the last request failed and there is an object that this writer has not made.
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
        let digest = metadata::sha256(&found.attributes);
        match self.same_document(digest).await {
            Some(true) if exists => Ok(self.already_there(&found)),
            Some(true) => {
                let ObjectMeta { e_tag, version, .. } = found.meta;
                Ok(self.receipt(e_tag, version, placement))
            }
            same if exists => Err(self.conflict(same.is_some())),
            Some(false) => Err(self.refused(source)),
            None => Err(self.unknown(source, None, true)),
        }
    }

    /// Whether the object holds the document, by the digest in its metadata or else by reading it. `None` if the document
    /// has no digest, or the object may not be read.
    async fn same_document(&self, digest: Option<Sha256Digest>) -> Option<bool> {
        let expected = self.document.sha256?;
        if let Some(digest) = digest {
            return Some(digest == expected);
        }
        let (store, limit) = (&*self.archive.store, ReadLimit::bytes(self.document.bytes));
        let opened = open::find(store, vec![self.location.clone()], vec![]).await;
        let mut reader = ArchiveReader::decoded(opened.ok()?, None, limit).ok()?;
        let mut hasher = Sha256Hasher::default();
        while let Some(chunk) = reader.next().await {
            match chunk.map_err(|error| error.kind) {
                Ok(chunk) => hasher.update(&chunk),
                Err(ReadErrorKind::Store { .. }) => return None,
                // Damaged, longer, or no archive at all.
                Err(_) => return Some(false),
            }
        }
        Some(hasher.finish() == expected)
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
