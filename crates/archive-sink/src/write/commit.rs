mod existing_object;

use std::{
    ops::ControlFlow::{Break, Continue},
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::FutureExt;
use object_store::{
    Error as StoreError, MultipartUpload, ObjectMeta, PutMode, PutOptions, PutPayload, path::Path,
};
use tokio::time::Instant;

use self::existing_object::look;
use super::{
    attempt::{CreateOnly, Pauses, RequestEffect, no_answer},
    error::{CommitError, WriteError},
    multipart_upload::{Upload, abort},
    tasks::until,
};
use crate::{
    codec::{Codec, CodecKind},
    digest::{RawDocument, Sha256Digest},
    digest_place,
    metadata::Nonce,
    settings::{Overwrite, Shared},
};

/// At most this much of the remaining time is reserved for a last look.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// The last step: the one request that makes a whole object visible. It is repeated while that is safe and there is time,
/// and the store is asked whether it was carried out if its answer does not say.
pub(crate) struct Commit {
    pub(crate) archive: Arc<Shared>,
    pub(crate) location: Path,
    /// Where the digest goes if it is neither in the object's metadata nor at its end.
    pub(crate) digest_beside: Option<Path>,
    pub(crate) codec: Codec,
    pub(crate) nonce: Nonce,
    pub(crate) document: RawDocument,
    pub(crate) stored_bytes: u64,
    /// How many requests carry it.
    pub(crate) parts: usize,
    /// When the outcome has to be known.
    pub(crate) deadline: Instant,
    /// When the last attempt must have ended.
    pub(crate) last_look: Instant,
}

impl Commit {
    /// When to look for the last time, if the outcome has to be known by `deadline`.
    pub(crate) fn last_look(deadline: Instant) -> Instant {
        let left = deadline.saturating_duration_since(Instant::now());
        deadline - LAST_LOOK.min(left / 10)
    }

    /// `upload` is open and drained, or has not started: then `payload` is the whole object.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut upload: Upload,
        payload: PutPayload,
    ) -> Result<Receipt, CommitError> {
        let archive = &self.archive;
        let replaces = archive.settings.overwrite == Overwrite::Replace;
        if let Some(beside) = self.digest_beside.as_ref().filter(|_| replaces) {
            let deleted = digest_place::delete_beside(&*archive.store, beside);
            until(self.give_up_at(self.last_look), deleted).await;
        }
        let receipt = match upload.take_open() {
            Some(upload) => self.complete(upload).await?,
            None => self.put(payload).await?,
        };
        if let (Some(beside), Some(digest)) = (&self.digest_beside, receipt.sha256)
            && receipt.placement != Placement::AlreadyThere
        {
            let nonce = Some(&self.nonce).filter(|_| self.archive.settings.keeps_attributes());
            let (store, pauses) = (&*archive.store, Pauses::until(self.last_look));
            let written = digest_place::write_beside(store, beside, digest, nonce, pauses);
            until(self.give_up_at(self.last_look), written).await;
        }
        Ok(receipt)
    }

    /// When the caller stops waiting for it.
    pub(crate) fn answered_by(&self) -> Instant {
        if self.can_give_up() {
            // By then it has ended, and its clean-up as well.
            return self.deadline + LAST_LOOK;
        }
        // Later than its own last look, and early enough for another.
        self.last_look + self.deadline.saturating_duration_since(self.last_look) / 2
    }

    /// The outcome if a folder has not answered by the deadline. Its work cannot be cancelled and goes on.
    pub(crate) async fn overdue(&self) -> Result<Receipt, CommitError> {
        let placement = match self.archive.settings.overwrite {
            Overwrite::Replace => Placement::Replacing,
            Overwrite::CreateOnly => Placement::CheckedBefore,
        };
        // A store that panics here has answered nothing about the work that goes on.
        let settled = AssertUnwindSafe(self.settle(no_answer(), placement)).catch_unwind();
        match until(self.deadline, settled).await {
            Some(Ok(Err(CommitError::Refused { source, .. }))) => {
                Err(self.unknown(source, None, false))
            }
            Some(Ok(settled)) => settled,
            Some(Err(_)) | None => Err(self.unknown(no_answer(), None, false)),
        }
    }

    /// Whether dropping a request cancels its work. In a folder, it goes on in the blocking pool and would end unseen.
    fn can_give_up(&self) -> bool {
        self.archive.settings.keeps_attributes()
    }

    fn give_up_at(&self, end: Instant) -> Option<Instant> {
        self.can_give_up().then_some(end)
    }

    /// Returns the store's answer, or an error if there was none in time.
    async fn answer<T>(
        &self,
        end: Instant,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = until(self.give_up_at(end), request).await;
        answer.unwrap_or_else(|| Err(no_answer()))
    }

    /// Puts the whole object, and retries: the condition and the nonce make that safe.
    async fn put(&self, payload: PutPayload) -> Result<Receipt, CommitError> {
        let Shared {
            store, settings, ..
        } = &*self.archive;
        let attributes = settings.attributes_of(self.codec, &self.nonce, Some(self.document));
        let (mut mode, mut placement) = match settings.overwrite {
            Overwrite::Replace => (PutMode::Overwrite, Placement::Replacing),
            Overwrite::CreateOnly if self.archive.puts_replace.load(Relaxed) => {
                match self.look_before().await {
                    Continue(found) => (PutMode::Overwrite, found),
                    Break(done) => return done,
                }
            }
            Overwrite::CreateOnly => (PutMode::Create, Placement::Exclusive),
        };
        let mut pauses = Pauses::until(self.last_look);
        let mut first = None;
        let mut may_land = false;
        loop {
            let mut options = PutOptions::from(attributes.clone());
            options.mode = mode.clone();
            let put = store.put_opts(&self.location, payload.clone(), options);
            let source = match self.answer(self.last_look, put).await {
                Ok(put) => return Ok(self.receipt(put.e_tag, put.version, placement)),
                Err(source) => source,
            };
            let effect = RequestEffect::of(&source);
            if effect == RequestEffect::Unsupported && mode == PutMode::Create {
                mode = PutMode::Overwrite;
                match self.look_before().await {
                    Continue(found) => placement = found,
                    Break(done) => return done,
                }
                continue;
            }
            let exists = exists(&source);
            let is_unclear = effect == RequestEffect::Unclear;
            may_land |= is_unclear && !exists;
            let error = if is_unclear || matches!(source, StoreError::NotFound { .. }) {
                self.settle(source, placement).await
            } else {
                Err(self.refused(source))
            };
            let error = match error {
                // The object that is there may be an earlier attempt's.
                Err(CommitError::Conflict {
                    compared: false, ..
                }) if may_land && !self.can_give_up() => {
                    return Err(self.unknown(no_answer(), None, true));
                }
                Err(CommitError::Unknown { look: Some(_), .. }) if exists && !may_land => {
                    return Err(self.conflict(false));
                }
                Err(
                    error @ (CommitError::Refused { .. }
                    | CommitError::Unknown { look: Some(_), .. }),
                ) => error,
                settled => return settled,
            };
            // There is an object and it may not be looked at: another attempt would tell nothing new.
            let is_blind = exists && matches!(error, CommitError::Unknown { .. });
            first.get_or_insert(error);
            let may_repeat = is_unclear && !is_blind || effect == RequestEffect::NotSent;
            if !(may_repeat && pauses.pause().await) {
                break;
            }
        }
        match first {
            Some(error) if may_land => self.look_on(error, placement, pauses).await,
            Some(error) => Err(error),
            None => unreachable!("every attempt but the last has failed"),
        }
    }

    /// Looks for an object that may still appear although its request failed, while there is time.
    async fn look_on(
        &self,
        mut error: CommitError,
        placement: Placement,
        mut pauses: Pauses,
    ) -> Result<Receipt, CommitError> {
        loop {
            let source = match error {
                CommitError::Refused { source, .. } => source,
                CommitError::Unknown {
                    source,
                    look: Some(look),
                    ..
                } if RequestEffect::of(&look) != RequestEffect::Refused => source,
                settled => return Err(settled),
            };
            let is_last = !pauses.pause().await;
            error = match self.settle(source, placement).await {
                Err(CommitError::Refused { source, .. }) if is_last => {
                    return Err(self.unknown(source, None, false));
                }
                Err(error) if !is_last => error,
                settled => return settled,
            };
        }
    }

    async fn complete(&self, mut upload: Box<dyn MultipartUpload>) -> Result<Receipt, CommitError> {
        let before = match self.archive.settings.overwrite {
            Overwrite::Replace => Continue(Placement::Replacing),
            Overwrite::CreateOnly => self.look_before().await,
        };
        let result = match before {
            Continue(placement) => match self.answer(self.last_look, upload.complete()).await {
                Ok(put) => {
                    let placement = match put.extensions.get() {
                        Some(CreateOnly) if !self.archive.uploads_replace.load(Relaxed) => {
                            Placement::Exclusive
                        }
                        _ => placement,
                    };
                    return Ok(self.receipt(put.e_tag, put.version, placement));
                }
                Err(source) => match self.settle(source, placement).await {
                    Err(CommitError::Refused { source, .. }) => {
                        return self.refuse(source, placement, &mut *upload).await;
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
                if let Err(error) = self.abort(&mut *upload).await {
                    let location = &self.location;
                    tracing::warn!(%location, %error, "an upload that was not needed could not be aborted");
                }
                Ok(receipt)
            }
            Err(error) => {
                let aborted = self.abort(&mut *upload).await;
                Err(self.after_abort(error, aborted))
            }
        }
    }

    async fn abort(&self, upload: &mut dyn MultipartUpload) -> Result<(), StoreError> {
        self.answer(self.deadline, abort(upload)).await
    }

    /// Aborts an upload whose completion failed and whose object is not there, so that it never appears. If there is
    /// nothing left to abort, the object was completed after the look.
    async fn refuse(
        &self,
        source: StoreError,
        placement: Placement,
        upload: &mut dyn MultipartUpload,
    ) -> Result<Receipt, CommitError> {
        let effect = RequestEffect::of(&source);
        match self.answer(self.deadline, upload.abort()).await {
            Err(StoreError::NotFound { .. }) => self.settle(source, placement).await,
            // It is still there to be completed, and the request to do so may be on its way.
            Err(aborted) if effect == RequestEffect::Unclear => {
                Err(self.after_abort(self.unknown(source, None, false), Err(aborted)))
            }
            aborted => Err(self.after_abort(self.refused(source), aborted)),
        }
    }

    fn after_abort(&self, error: CommitError, aborted: Result<(), StoreError>) -> CommitError {
        let failed = aborted.map_err(|source| WriteError::abort(&self.location, source));
        error.with_clean_up(failed.err())
    }

    /// Looks whether the last request, which failed, was carried out after all.
    async fn settle(
        &self,
        source: StoreError,
        placement: Placement,
    ) -> Result<Receipt, CommitError> {
        let looked = look(&*self.archive.store, &self.location);
        let found = match self.answer(self.deadline, looked).await {
            Ok(Some(found)) => found,
            Ok(None) => return Err(self.refused(source)),
            Err(look) => return Err(self.unknown(source, Some(look), false)),
        };
        if self.nonce.is_on(&found.attributes) && found.meta.size == self.stored_bytes {
            let ObjectMeta { e_tag, version, .. } = found.meta;
            return Ok(self.receipt(e_tag, version, placement));
        }
        self.decide_by(found, source, placement).await
    }

    fn refused(&self, source: StoreError) -> CommitError {
        CommitError::Refused {
            location: self.location.clone(),
            source,
            clean_up: None,
        }
    }

    fn unknown(&self, source: StoreError, look: Option<StoreError>, is_there: bool) -> CommitError {
        CommitError::Unknown {
            location: self.location.clone(),
            source,
            look: look.map(Box::new),
            is_there,
            clean_up: None,
        }
    }

    fn receipt(
        &self,
        e_tag: Option<String>,
        version: Option<String>,
        placement: Placement,
    ) -> Receipt {
        Receipt {
            location: self.location.clone(),
            e_tag: known(e_tag),
            version,
            raw_bytes: self.document.bytes,
            stored_bytes: self.stored_bytes,
            sha256: self.document.sha256,
            codec: self.codec.kind(),
            parts: self.parts,
            placement,
        }
    }
}

/// Whether a store refused to create an object because there is one.
pub(crate) fn exists(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }
    )
}

/// The entity tag, unless it is empty, as some servers send it.
fn known(e_tag: Option<String>) -> Option<String> {
    e_tag.filter(|tag| !tag.trim_matches('"').is_empty())
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
    /// How many requests carried it: 1 for a single PUT, otherwise the number of parts; 0 if it was there already.
    pub parts: usize,
    /// How the rule about overwriting was kept.
    pub placement: Placement,
}

impl Placement {
    /// Returns a word for labels: `exclusive`, `checked_before`, `unchecked`, `replacing`, `already_there`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::CheckedBefore => "checked_before",
            Self::Unchecked => "unchecked",
            Self::Replacing => "replacing",
            Self::AlreadyThere => "already_there",
        }
    }
}

/// How a committed object came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Placement {
    /// Created. The store itself made sure that nothing was replaced.
    Exclusive,
    /// Created after nothing was found there. An object written between the look and the commit was replaced.
    CheckedBefore,
    /// Written without a look, because the store did not allow one. If there was an object, it was replaced.
    Unchecked,
    /// Written, replacing any object there, as [`Overwrite::Replace`](crate::Overwrite::Replace) asks.
    Replacing,
    /// The same document was there already and was not touched. The receipt is that object's.
    AlreadyThere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_entity_tag_is_none() {
        for (sent, expected) in [("", None), ("\"\"", None), ("\"a\"", Some("\"a\""))] {
            assert_eq!(known(Some(sent.to_owned())).as_deref(), expected);
        }
        assert_eq!(known(None), None);
    }

    /// Dashboards and alerts name them.
    #[test]
    fn the_words_for_labels_stay() {
        use Placement::{AlreadyThere, CheckedBefore, Exclusive, Replacing, Unchecked};
        let all = [Exclusive, CheckedBefore, Unchecked, Replacing, AlreadyThere];
        let words = "exclusive checked_before unchecked replacing already_there";
        assert_eq!(all.map(Placement::as_str).join(" "), words);
    }
}
