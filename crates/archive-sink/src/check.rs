use std::sync::{Arc, atomic::Ordering::Relaxed};

use object_store::{
    Attributes, Error as StoreError, GetOptions, MultipartUpload, ObjectStoreExt, PutMode,
    PutOptions, PutResult, path::Path,
};

use crate::{
    archive::Archive,
    metadata::{AttributeSupport, Nonce},
    settings::{Overwrite, Shared},
    write::{
        attempt::RequestEffect,
        commit::exists,
        error::{WriteError, WriteErrorKind},
        multipart_upload::abort,
        tasks::Tasks,
    },
};

/// The name of the object that [`Archive::check`] writes.
const PROBE: &str = "archive-sink.check";

const ONE_BYTE: &str = "\n";

/// What [`Archive::check_with`] does in addition to writing. Each needs a permission of its own. Default: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckOptions {
    /// Looks for an object that is not there. On S3 this takes `s3:GetObject` and `s3:ListBucket`.
    pub look: bool,
    /// Deletes the object that the check has written. On S3 this takes `s3:DeleteObject`.
    pub delete: bool,
}

/// What the credentials allow and what the store can do. `None` means that it was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Access {
    /// Whether the store refuses a conditional PUT where there is an object. Tried with [`Overwrite::CreateOnly`].
    ///
    /// If the store ignores the condition, the archive looks before it writes from now on, and receipts say so.
    pub exclusive_put: Option<bool>,
    /// The same for completing a multipart upload.
    pub exclusive_upload: Option<bool>,
    /// Whether objects can be looked at, which settles ambiguous answers and finds conflicts before a multipart
    /// upload is completed.
    pub look: Option<bool>,
    /// Whether the object that the check wrote could be deleted.
    pub deleted: Option<bool>,
}

impl Archive {
    /// Checks at start-up that the credentials work, and finds out what the store can do by trying: puts an object of one
    /// byte, `archive-sink.check`, twice, completes an upload of it, and aborts another.
    ///
    /// It needs the permissions that archiving needs, to put and to abort, and no others. So the object stays, and the
    /// next check finds it there. With [`Overwrite::Replace`], it only starts an upload and aborts it, and leaves nothing.
    ///
    /// # Errors
    ///
    /// If objects cannot be written, uploads cannot be started or aborted, or the store cannot be reached. The check does
    /// not retry; the store's client may.
    ///
    /// # Cancel safety
    ///
    /// If there is a runtime, the check goes on in a task when the future is dropped.
    pub async fn check(&self) -> Result<Access, WriteError> {
        self.check_with(CheckOptions::default()).await
    }

    /// As [`check`](Self::check), and tries more. A missing permission for that is not an error; the result says so.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and if looking for an object fails for another reason than a missing permission.
    ///
    /// # Cancel safety
    ///
    /// As [`check`](Self::check).
    pub async fn check_with(&self, options: CheckOptions) -> Result<Access, WriteError> {
        let prefix = &self.0.settings.prefix;
        let probe = Probe {
            archive: Arc::clone(&self.0),
            location: prefix.clone().join(PROBE),
            missing: prefix.clone().join("archive-sink.no-check"),
        };
        let location = probe.location.clone();
        Tasks::current(self.0.running.clone())
            .spawn_to_end(probe.run(options))
            .await
            .unwrap_or_else(|panicked| Err(WriteErrorKind::store("check", panicked.into())))
            .map_err(|kind| WriteError::new(&location, kind))
    }
}

struct Probe {
    archive: Arc<Shared>,
    location: Path,
    /// Where nothing is.
    missing: Path,
}

impl Probe {
    async fn run(self, options: CheckOptions) -> Result<Access, WriteErrorKind> {
        let (archive, mut access) = (&self.archive, Access::default());
        let only_creates = archive.settings.overwrite == Overwrite::CreateOnly;
        if only_creates {
            let exclusive = self.put_twice().await;
            let exclusive = exclusive.map_err(|error| self.failed("put an object", error))?;
            archive.puts_replace.store(!exclusive, Relaxed);
            access.exclusive_put = Some(exclusive);
        }
        let mut upload = self.start().await?;
        if only_creates {
            let exclusive = match complete(&mut *upload).await {
                Ok(()) => {
                    // That one cannot be aborted any more.
                    upload = self.start().await?;
                    false
                }
                Err(error) if exists(&error) => true,
                Err(error) => {
                    let _first_cause_counts = abort(&mut *upload).await;
                    return Err(WriteErrorKind::store("complete an upload", error));
                }
            };
            archive.uploads_replace.store(!exclusive, Relaxed);
            access.exclusive_upload = Some(exclusive);
        }
        let aborted = abort(&mut *upload).await;
        aborted.map_err(|error| WriteErrorKind::Abort(error.into()))?;
        if options.look {
            let head = GetOptions::new().with_head(true);
            access.look = match archive.store.get_opts(&self.missing, head).await {
                Ok(_) | Err(StoreError::NotFound { .. }) => Some(true),
                Err(StoreError::PermissionDenied { .. }) => Some(false),
                Err(error) => return Err(WriteErrorKind::store("look for an object", error)),
            };
        }
        if options.delete && access.exclusive_put.is_some() {
            access.deleted = Some(archive.store.delete(&self.location).await.is_ok());
        }
        Ok(access)
    }

    /// Whether one of two PUTs is refused: the second, or the first if an earlier check has left its object.
    async fn put_twice(&self) -> Result<bool, StoreError> {
        for _time in 0..2 {
            match self.put(PutMode::Create).await {
                Ok(_) => {}
                Err(error) if exists(&error) => return Ok(true),
                Err(error) if RequestEffect::of(&error) == RequestEffect::Unsupported => {
                    return self.put(PutMode::Overwrite).await.map(|_| false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    async fn put(&self, mode: PutMode) -> Result<PutResult, StoreError> {
        let attributes = self.attributes().into();
        let options = PutOptions { mode, ..attributes };
        let store = &self.archive.store;
        store
            .put_opts(&self.location, ONE_BYTE.into(), options)
            .await
    }

    async fn start(&self) -> Result<Box<dyn MultipartUpload>, WriteErrorKind> {
        let (store, settings) = (&self.archive.store, &self.archive.settings);
        let options = settings.upload_options(self.attributes());
        let started = store.put_multipart_opts(&self.location, options).await;
        started.map_err(|error| self.failed("start to upload", error))
    }

    fn failed(&self, request: &str, error: StoreError) -> WriteErrorKind {
        match (&error, self.archive.settings.attributes) {
            (StoreError::NotImplemented { .. }, AttributeSupport::Kept) => {
                WriteErrorKind::Attributes(error.into())
            }
            _ => WriteErrorKind::store(request, error),
        }
    }

    /// The attributes that a writer would send: some stores refuse them.
    fn attributes(&self) -> Attributes {
        let settings = &self.archive.settings;
        settings.attributes_of(settings.codec, &Nonce::new(), None)
    }
}

async fn complete(upload: &mut dyn MultipartUpload) -> Result<(), StoreError> {
    upload.put_part(ONE_BYTE.into()).await?;
    upload.complete().await.map(drop)
}
