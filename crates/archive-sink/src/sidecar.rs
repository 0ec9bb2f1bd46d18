//! A small object beside an object that has its digest neither in its metadata nor at its end: one of identity
//! or brotli that was sent in parts, or to a store without attributes. `sha256sum -c` reads it.

use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, path::Path};

use crate::{
    codec::CodecKind,
    digest::Sha256Digest,
    settings::{Overwrite, Shared},
    trailer,
    write::{
        commit::{Placement, Receipt},
        error::CommitError,
    },
};

/// What its name ends with, after the object's own.
pub(crate) const EXTENSION: &str = ".sha256";

fn beside(location: &Path) -> Option<Path> {
    Path::parse(format!("{location}{EXTENSION}")).ok()
}

/// Carries out a commit, and writes the digest of what it made visible. Without one the object is whole all the
/// same: failures are warnings.
pub(crate) async fn with_digest_beside(
    archive: &Shared,
    location: Path,
    commit: impl Future<Output = Result<Receipt, CommitError>>,
) -> Result<Receipt, CommitError> {
    let (store, replaces) = (
        &archive.store,
        archive.settings.overwrite == Overwrite::Replace,
    );
    let warn = |error| tracing::warn!(%location, %error, "its digest could not be kept beside it");
    let sidecar = beside(&location).filter(|_| !trailer::has_room(archive.settings.codec.kind()));
    if let Some(sidecar) = sidecar.as_ref().filter(|_| replaces) {
        // With the digest of what it replaced, the new object could not be read.
        match store.delete(sidecar).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => warn(error),
        }
    }
    let receipt = commit.await?;
    if let (Some(sidecar), Some(digest)) = (sidecar, receipt.sha256)
        && receipt.placement != Placement::AlreadyThere
        && let Err(error) = store.put(&sidecar, format!("{digest}  -\n").into()).await
    {
        warn(error);
    }
    Ok(receipt)
}

/// The digest beside an object, if there is one that can be read.
pub(crate) async fn read(
    store: &dyn ObjectStore,
    kind: CodecKind,
    location: &Path,
) -> Option<Sha256Digest> {
    let sidecar = beside(location).filter(|_| !trailer::has_room(kind))?;
    // Whatever the error is, there is none to be had: who may not list is refused what is not there.
    let digest = store.get_range(&sidecar, 0..64).await.ok()?;
    Sha256Digest::from_hex(str::from_utf8(&digest).ok()?)
}
