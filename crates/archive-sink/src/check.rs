use object_store::{Error as StoreError, GetOptions, path::Path};

use crate::{
    Archive, CheckError,
    key::key,
    metadata::{AttributeSupport, Nonce},
    write::{background::Background, upload::abort},
};

/// The name under which [`Archive::check`] starts an upload. No object of it is ever visible.
const CHECK_NAME: &str = "archive-sink.check";

/// What the credentials allow, as far as that can be told without leaving anything behind.
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
    pub async fn check(&self) -> Result<Access, CheckError> {
        let settings = self.settings();
        let location = key(&settings.prefix, CHECK_NAME, "")
            .unwrap_or_else(|_| settings.prefix.clone().join(CHECK_NAME));
        Background::current(self.running())
            .start_detached(check_upload(self.clone(), location.clone()))
            .await
            .unwrap_or_else(|panicked| {
                Err(CheckError::Write {
                    location: location.clone(),
                    source: panicked.into(),
                })
            })?;
        self.check_look(location).await
    }

    async fn check_look(&self, location: Path) -> Result<Access, CheckError> {
        let options = GetOptions::new().with_head(true);
        match self.store().get_opts(&location, options).await {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(Access { look: true }),
            Err(StoreError::PermissionDenied { .. }) => Ok(Access { look: false }),
            Err(source) => Err(CheckError::Look { location, source }),
        }
    }
}

async fn check_upload(archive: Archive, location: Path) -> Result<(), CheckError> {
    // As the writer does it: some stores refuse attributes.
    let options = archive.settings().upload_options(&Nonce::new());
    let started = archive.store().put_multipart_opts(&location, options).await;
    let keeps_attributes = archive.settings().attributes == AttributeSupport::Kept;
    let mut upload = match started {
        Ok(upload) => upload,
        Err(source @ StoreError::NotImplemented { .. }) if keeps_attributes => {
            return Err(CheckError::Attributes { location, source });
        }
        Err(source) => return Err(CheckError::Write { location, source }),
    };
    abort(&mut *upload)
        .await
        .map_err(|source| CheckError::Abort { location, source })
}
