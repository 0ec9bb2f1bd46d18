use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{self, Seek, SeekFrom, Write},
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex, Once, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{FutureExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error as StoreError, Extensions, GetOptions, GetResult, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart, local::LocalFileSystem, path::Path,
};
use tempfile::NamedTempFile;
use tokio::runtime::Handle;

use crate::{
    key::is_staged,
    write::attempt::{CreateOnly, RequestEffect, RequestError},
};

/// Older staging files were left by processes that were killed.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// A local folder as an archive's store, durable and without accidental overwriting.
///
/// It reads as [`LocalFileSystem`] does, and keeps no attributes either. But when a write succeeds, the file and the entry in
/// its folder are on the disk; an upload that should only create replaces nothing; and the file system need not support
/// hard links.
#[derive(Debug)]
pub struct LocalFolder {
    inner: Arc<LocalFileSystem>,
    folder: PathBuf,
    sweep: Once,
    syncs: bool,
}

impl LocalFolder {
    /// Opens a folder.
    ///
    /// The first write starts a thread that removes staging files older than a day, from this folder and those below
    /// it.
    ///
    /// # Errors
    ///
    /// If there is no such folder.
    pub fn open(folder: impl AsRef<FilePath>) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        Ok(Self {
            inner: Arc::new(LocalFileSystem::new_with_prefix(&folder)?),
            folder,
            sweep: Once::new(),
            syncs: true,
        })
    }

    /// Leaves it to the operating system when data reaches the disk. After a power failure, an object committed shortly before
    /// may be missing or incomplete.
    #[must_use]
    pub fn without_sync(self) -> Self {
        let syncs = false;
        Self { syncs, ..self }
    }

    /// The file of an object that is to be written.
    fn target(&self, location: &Path) -> Result<PathBuf> {
        self.sweep.call_once(|| {
            let folder = self.folder.clone();
            // A process that ends meanwhile leaves the rest to the next one.
            let sweeping = std::thread::Builder::new().name("archive-sweep".into());
            let _not_without_threads = sweeping.spawn(move || sweep(&folder));
        });
        self.inner.path_to_filesystem(location)
    }

    fn refuses(&self, operation: &str) -> StoreError {
        StoreError::NotImplemented {
            operation: operation.to_owned(),
            implementer: self.to_string(),
        }
    }
}

impl fmt::Display for LocalFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

/// A file that is being written, under a name that [`LocalFileSystem`] does not list.
#[derive(Debug)]
struct Staged {
    file: NamedTempFile,
    target: PathBuf,
    syncs: bool,
}

impl Staged {
    fn new(target: PathBuf, syncs: bool) -> Result<Self> {
        let file = stage(&target, syncs).map_err(|error| failed(&target, &error))?;
        Ok(Self {
            file,
            target,
            syncs,
        })
    }

    fn write(&mut self, offset: u64, payload: &PutPayload) -> Result<()> {
        let file = self.file.as_file_mut();
        let mut written = file.seek(SeekFrom::Start(offset)).map(drop);
        for chunk in payload {
            written = written.and_then(|()| file.write_all(chunk));
        }
        written.map_err(|error| failed(&self.target, &error))
    }

    /// Makes the file an object. If the file system cannot create without the risk of replacing, the result is
    /// `NotImplemented`, unless `or_replaces`.
    fn publish(self, creates: bool, or_replaces: bool) -> Result<PutResult> {
        let (target, path) = (self.target.clone(), self.target.display().to_string());
        // Opened before the object is visible, since that may fail.
        let folder = target.parent().filter(|_| self.syncs).map(File::open);
        let placed = folder
            .transpose()
            .and_then(|folder| Ok((folder, self.place(creates, or_replaces)?)));
        let (folder, extensions) = placed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let source = error.into();
                StoreError::AlreadyExists { path, source }
            }
            _ if creates && lacks_links(&error) => StoreError::NotImplemented {
                operation: "creating without replacing".into(),
                implementer: path,
            },
            _ => failed(&target, &error),
        })?;
        if let Some(Err(error)) = folder.map(|folder| folder.sync_all()) {
            // The object is visible already.
            return Err(failed_with(RequestEffect::Unclear, &target, &error));
        }
        Ok(PutResult {
            e_tag: None,
            version: None,
            extensions,
        })
    }

    fn place(self, creates: bool, or_replaces: bool) -> io::Result<Extensions> {
        let mut extensions = Extensions::new();
        if self.syncs {
            self.file.as_file().sync_all()?;
        }
        if !creates {
            self.file.persist(&self.target)?;
        } else if let Err(error) = self.file.persist_noclobber(&self.target) {
            let is_there = fs::symlink_metadata(&self.target).is_ok();
            if is_there || !or_replaces || !lacks_links(&error.error) {
                return Err(error.error);
            }
            error.file.persist(&self.target)?;
        } else {
            extensions.insert(CreateOnly);
        }
        Ok(extensions)
    }
}

/// Whether the file system can neither rename without replacing nor link.
fn lacks_links(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), Unsupported | PermissionDenied | InvalidInput)
}

fn stage(target: &FilePath, syncs: bool) -> io::Result<NamedTempFile> {
    if let Ok(found) = fs::symlink_metadata(target) {
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if found.is_symlink() && !target.exists() {
            return Err(io::Error::other("it is a link to a file that is not there"));
        }
    }
    let (Some(folder), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        if syncs {
            // Folders further up may not be readable.
            folder
                .ancestors()
                .skip(1)
                .map_while(|folder| sync(folder).ok())
                .for_each(drop);
        }
    }
    let random = RandomState::new().hash_one(name);
    let mut prefix = OsString::from(name);
    prefix.push(format!("#{}", random % 1_000_000_000));
    let create = |path: &FilePath| {
        File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
    };
    let (file, path) = tempfile::Builder::new()
        .prefix(&prefix)
        .rand_bytes(0)
        .make_in(folder, create)?
        .into_parts();
    Ok(NamedTempFile::from_parts(file, path))
}

fn sync(folder: &FilePath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes old staging files. Looks at no other files, and passes over what it may not read or remove.
fn sweep(folder: &FilePath) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|found| found.is_dir()) {
            sweep(&entry.path());
        } else if entry.file_name().to_str().is_some_and(is_staged) {
            let modified = entry.metadata().and_then(|found| found.modified());
            let age = modified.map(|modified| modified.elapsed().unwrap_or_default());
            if age.is_ok_and(|age| age > STALE) {
                let _else_next_time = fs::remove_file(entry.path());
            }
        }
    }
}

/// After most failures of a folder, no object can appear any more, and a retry would fail again.
fn failed(path: &FilePath, error: &io::Error) -> StoreError {
    failed_with(RequestEffect::Refused, path, error)
}

fn failed_with(effect: RequestEffect, path: &FilePath, error: &io::Error) -> StoreError {
    let message = format!("{}: {error}", path.display());
    StoreError::Generic {
        store: "LocalFolder",
        source: RequestError::new(effect, message).into(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

#[async_trait]
impl ObjectStore for LocalFolder {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if !options.attributes.is_empty() || matches!(options.mode, PutMode::Update(_)) {
            return Err(self.refuses("a put with attributes, or updating"));
        }
        let (target, syncs) = (self.target(location)?, self.syncs);
        let put = blocking(move || {
            let mut staged = Staged::new(target, syncs)?;
            staged.write(0, &payload)?;
            staged.publish(options.mode == PutMode::Create, false)
        });
        Ok(tagged(&self.inner, location, put.await?).await)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            return Err(self.refuses("an upload with attributes"));
        }
        let (target, syncs) = (self.target(location)?, self.syncs);
        let staged = blocking(move || Staged::new(target, syncs)).await?;
        Ok(Box::new(LocalUpload {
            inner: Arc::clone(&self.inner),
            location: location.clone(),
            staged: Arc::new(Mutex::new(Some(staged))),
            offset: 0,
            creates: options.extensions.get::<CreateOnly>().is_some(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Adds the entity tag that readers will see.
async fn tagged(inner: &LocalFileSystem, location: &Path, put: PutResult) -> PutResult {
    let found = inner.head(location).await;
    let e_tag = found.ok().and_then(|found| found.e_tag);
    PutResult { e_tag, ..put }
}

#[derive(Debug)]
struct LocalUpload {
    inner: Arc<LocalFileSystem>,
    location: Path,
    /// Removed from the disk when the last write in progress has ended.
    staged: Arc<Mutex<Option<Staged>>>,
    offset: u64,
    creates: bool,
}

impl LocalUpload {
    /// Works on the staged file after any work in progress, even if the future is dropped. `None` means that the file is gone.
    fn work<T, W>(&self, work: W) -> impl Future<Output = Result<T>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce(&mut Option<Staged>) -> Option<Result<T>> + Send + 'static,
    {
        let (staged, path) = (Arc::clone(&self.staged), self.location.to_string());
        let source = "the upload has been completed or aborted".into();
        blocking(move || {
            let done = work(&mut staged.lock().unwrap_or_else(PoisonError::into_inner));
            done.unwrap_or(Err(StoreError::NotFound { path, source }))
        })
    }
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let offset = self.offset;
        self.offset += payload.content_length() as u64;
        self.work(move |staged| Some(staged.as_mut()?.write(offset, &payload)))
            .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let creates = self.creates;
        let published = self.work(move |staged| Some(staged.take()?.publish(creates, true)));
        Ok(tagged(&self.inner, &self.location, published.await?).await)
    }

    async fn abort(&mut self) -> Result<()> {
        let removed = self.work(|staged| {
            let Staged { file, target, .. } = staged.take()?;
            Some(file.close().map_err(|error| failed(&target, &error)))
        });
        removed.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither renaming nor linking can take a name with a zero byte.
    #[test]
    fn what_cannot_be_created_without_replacing_is_not_implemented_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        for (name, creates, is_not_implemented) in [
            ("a\0", true, true),
            ("a\0", false, false),
            ("missing/a", true, false),
        ] {
            let staged = Staged {
                file: NamedTempFile::new_in(&folder).unwrap(),
                target: folder.path().join(name),
                syncs: false,
            };
            let error = staged.publish(creates, false).unwrap_err();
            let found = matches!(error, StoreError::NotImplemented { .. });
            assert_eq!(found, is_not_implemented, "{error}");
        }
    }
}
