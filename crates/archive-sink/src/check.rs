use std::sync::Arc;

use object_store::{Error as StoreError, GetOptions, path::Path};

use crate::{
    archive::Archive,
    key::key,
    metadata::{AttributeSupport, Nonce},
    settings::Shared,
    write::{
        error::{WriteError, WriteErrorKind},
        multipart_upload::abort,
        tasks::Tasks,
    },
};

/// The name under which [`Archive::check`] starts an upload. No object of it is ever visible.
const CHECK_NAME: &str = "archive-sink.check";

/// What the credentials allow, as far as a check that leaves nothing behind can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Whether objects can be looked at, which settles ambiguous answers and finds conflicts before
    /// a multipart upload is completed.
    ///
    /// On S3 this is `false` without `s3:ListBucket` even when `s3:GetObject` is granted, since S3
    /// then hides whether an object is missing.
    pub look: bool,
}

impl Archive {
    /// Checks at start-up that the credentials are usable: starts an upload and aborts it, then looks
    /// for an object that is not there. Leaves nothing behind.
    ///
    /// # Errors
    ///
    /// When uploads cannot be started or aborted, or the store cannot be reached. That objects
    /// cannot be looked at is no error; the result says so.
    ///
    /// # Cancel safety
    ///
    /// A task goes on to abort the upload when the future is dropped, if there is a runtime.
    pub async fn check(&self) -> Result<Access, WriteError> {
        let prefix = &self.0.settings.prefix;
        let location =
            key(prefix, CHECK_NAME, "").unwrap_or_else(|_| prefix.clone().join(CHECK_NAME));
        Tasks::current(self.0.running.clone())
            .spawn_to_end(check_upload(Arc::clone(&self.0), location.clone()))
            .await
            .unwrap_or_else(|panicked| Err(cannot_start(&location, panicked.into())))?;
        let options = GetOptions::new().with_head(true);
        match self.0.store.get_opts(&location, options).await {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(Access { look: true }),
            Err(StoreError::PermissionDenied { .. }) => Ok(Access { look: false }),
            Err(source) => {
                let kind = WriteErrorKind::store("look for it", source);
                Err(WriteError::new(&location, kind))
            }
        }
    }
}

async fn check_upload(archive: Arc<Shared>, location: Path) -> Result<(), WriteError> {
    // As the writer does it: some stores refuse attributes.
    let options = archive.settings.upload_options(&Nonce::new());
    let started = archive.store.put_multipart_opts(&location, options).await;
    let keeps_attributes = archive.settings.attributes == AttributeSupport::Kept;
    let mut upload = match started {
        Ok(upload) => upload,
        Err(source @ StoreError::NotImplemented { .. }) if keeps_attributes => {
            let kind = WriteErrorKind::Attributes(Arc::new(source));
            return Err(WriteError::new(&location, kind));
        }
        Err(source) => return Err(cannot_start(&location, source)),
    };
    let aborted = abort(&mut *upload).await;
    aborted.map_err(|source| WriteError::abort(&location, source))
}

fn cannot_start(location: &Path, source: StoreError) -> WriteError {
    WriteError::new(location, WriteErrorKind::store("start to upload", source))
}
