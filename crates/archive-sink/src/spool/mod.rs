//! Finished objects on a local disk that the store does not have yet.

mod entry;
pub(crate) mod upload;
pub(crate) mod writer;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::Notify;

use crate::{Archive, CodecError, KeyError};
use entry::{Folders, Lock};
use upload::Uploader;
use writer::{SpoolWriter, Spooled};

/// A folder of finished objects, from which an [`Uploader`] brings them to a store.
///
/// An object is compressed into the folder, synced, and renamed: from then on it is *accepted*, and is not lost when the
/// process is killed or the power fails. What the store has confirmed is removed. So an archive costs its writer no more than
/// a local disk does, and the store may be away for as long as there is space.
///
/// ```no_run
/// # async fn example(archive: archive_sink::Archive) -> Result<(), Box<dyn std::error::Error>> {
/// use archive_sink::Spool;
/// use bytes::Bytes;
/// use futures_util::stream;
///
/// let spool = Spool::builder("/var/spool/auctions").open().await?;
/// tokio::spawn(spool.uploader(archive.clone()).await?.run());
///
/// let document = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"orders\":[]}"))]);
/// let accepted = spool.accept(&archive, "1.json", document).await?;
/// assert_eq!(accepted.document.bytes, 13);
/// # Ok(())
/// # }
/// ```
///
/// # On disk
///
/// A folder for each object, named after the time at which it was accepted: `ready/` for those that the store does not have,
/// `failed/` for those that it refused for good, each with the stored bytes, a description in JSON and, in `failed/`, the
/// reason. `staging/` holds what is being written. What a killed process left there is removed when the spool is opened
/// and nobody else has it open.
///
/// Any number of processes may add to one spool; one at a time uploads. Both locks end with their process.
///
/// # Cost
///
/// At most the [limit](SpoolBuilder::max_bytes) on disk. Accepting an object lists the folder, and syncs two files and two
/// folders.
#[derive(Debug, Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folders: Folders,
    max_bytes: u64,
    keep_free: u64,
    /// Something was accepted.
    accepted: Notify,
    /// Says that the spool is in use.
    _used: Lock,
}

/// Configures a [`Spool`].
#[derive(Debug, Clone)]
#[must_use]
pub struct SpoolBuilder {
    folder: PathBuf,
    max_bytes: u64,
    keep_free: u64,
}

/// What is in a spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// How many objects wait for the store.
    pub objects: u64,
    /// Their bytes, as they are stored.
    pub bytes: u64,
    /// For how long the oldest of them has waited.
    pub oldest: Option<Duration>,
    /// How many objects the store refused for good.
    pub failed: u64,
}

/// Why something cannot be spooled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The spool holds as much as it may.
    #[error("the spool is full: it may hold {limit} bytes; upload some, or raise its limit")]
    Full {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The disk has too little space left.
    #[error("the spool's disk has only {free} bytes left, of which {kept} are kept free")]
    DiskFull {
        /// The bytes that are free.
        free: u64,
        /// The bytes that are not used.
        kept: u64,
    },
    /// Another process, or another [`Uploader`], uploads from this spool.
    #[error("another process uploads from the spool {}", .0.display())]
    InUse(PathBuf),
    /// The name breaks a rule for keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The archive's codec cannot be used.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The stream that was to be spooled failed, so the document is not whole.
    #[error("the source failed: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file or a folder could not be used.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// Such as `create`, or `sync`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpoolError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

impl SpoolBuilder {
    /// Sets how many bytes of objects it may hold; 10 GB by default. When it is full, new objects are refused at once.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how many bytes of the disk stay free; 1 GB by default.
    pub fn keep_free(mut self, bytes: u64) -> Self {
        self.keep_free = bytes;
        self
    }

    /// Opens the spool, and creates its folders if they are missing.
    ///
    /// # Errors
    ///
    /// When the folders cannot be created, locked or cleaned.
    pub async fn open(self) -> Result<Spool, SpoolError> {
        let Self {
            folder,
            max_bytes,
            keep_free,
        } = self;
        let (folders, used) = blocking(move || entry::open(&folder)).await?;
        Ok(Spool {
            inner: Arc::new(Inner {
                folders,
                max_bytes,
                keep_free,
                accepted: Notify::new(),
                _used: used,
            }),
        })
    }
}

impl Spool {
    /// Configures a spool in this folder, which need not exist.
    pub fn builder(folder: impl Into<PathBuf>) -> SpoolBuilder {
        SpoolBuilder {
            folder: folder.into(),
            max_bytes: 10_000_000_000,
            keep_free: 1_000_000_000,
        }
    }

    /// Compresses a whole document into the spool, for `archive` to have under `name`.
    ///
    /// # Errors
    ///
    /// When the spool or its disk is full, the stream fails, or the disk does. Nothing is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the last step leaves nothing. From then on a thread of the runtime finishes it, and the
    /// object is accepted or nothing is left.
    pub async fn accept<S, E>(
        &self,
        archive: &Archive,
        name: &str,
        document: S,
    ) -> Result<Spooled, SpoolError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut writer = self.create(archive, name).await?;
        let document = writer.compress(document, archive.codec()).await?;
        writer.accept(document).await
    }

    /// Begins an object from a document that is already encoded with the archive's codec.
    ///
    /// # Errors
    ///
    /// When the spool or its disk is full, the name breaks a rule for keys, or the disk fails.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left.
    pub async fn create(&self, archive: &Archive, name: &str) -> Result<SpoolWriter, SpoolError> {
        archive.location_of(name)?;
        SpoolWriter::new(self, name.to_owned(), archive.codec().kind()).await
    }

    /// Takes the right to upload, for objects of `archive`. What the objects' codecs are is known of each.
    ///
    /// # Errors
    ///
    /// [`SpoolError::InUse`] when somebody else has that right; when the lock cannot be taken otherwise.
    pub async fn uploader(&self, archive: Archive) -> Result<Uploader, SpoolError> {
        let folders = self.inner.folders.clone();
        let lock = blocking(move || folders.lock_uploads()).await?;
        Ok(Uploader::new(self.clone(), archive, lock))
    }

    /// Looks at what is in the spool.
    ///
    /// # Errors
    ///
    /// When the folders cannot be listed.
    pub async fn status(&self) -> Result<SpoolStatus, SpoolError> {
        let folders = self.inner.folders.clone();
        blocking(move || {
            let ready = folders.ready()?;
            let oldest = ready.first().and_then(|entry| {
                let accepted = SystemTime::UNIX_EPOCH + entry.accepted();
                SystemTime::now().duration_since(accepted).ok()
            });
            Ok(SpoolStatus {
                objects: ready.len() as u64,
                bytes: ready.iter().map(|entry| entry.stored_bytes).sum(),
                oldest,
                failed: folders.count_failed()?,
            })
        })
        .await
    }

    /// Fails when `more` bytes do not fit.
    async fn check_space(&self, more: u64) -> Result<(), SpoolError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            if inner.folders.used_bytes()?.saturating_add(more) > inner.max_bytes {
                return Err(SpoolError::Full {
                    limit: inner.max_bytes,
                });
            }
            let root = inner.folders.root();
            let disk = rustix::fs::statvfs(root)
                .map_err(|error| SpoolError::io("look at the disk of", root)(error.into()))?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            if free < inner.keep_free.saturating_add(more) {
                let kept = inner.keep_free;
                return Err(SpoolError::DiskFull { free, kept });
            }
            Ok(())
        })
        .await
    }
}

/// Runs what blocks on a thread for that. Once begun, it is finished, also when the future is dropped.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result,
        Err(error) => Err(SpoolError::Io {
            what: "finish using",
            path: PathBuf::new(),
            source: io::Error::other(error),
        }),
    }
}

/// Makes what was renamed or created in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), SpoolError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(SpoolError::io("sync", folder))
}
