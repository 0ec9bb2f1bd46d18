//! Finished objects on a local disk that the store does not have yet.

mod entry;
pub(crate) mod upload;
pub(crate) mod writer;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::{Notify, SetOnce};

use crate::{Archive, CodecError, EncodedStream, KeyError};
use entry::Folders;
use upload::Uploader;
use writer::{Arrival, SpoolWriter, Spooled};

/// How long a count of the folders is used: other processes may add to the spool as well.
const COUNT_AGAIN: Duration = Duration::from_secs(10);

/// The same while the spool seems to be full: other processes may have uploaded.
const COUNT_AGAIN_IF_FULL: Duration = Duration::from_secs(1);

/// A folder of finished objects, from which an [`Uploader`] sends them to a store.
///
/// An object is compressed into the folder, synced, and renamed. From then on it is *accepted*: it survives a killed process and
/// a power failure. What the store has confirmed is removed. So an archive costs its writer only the time of a local disk,
/// and the store may be away for as long as there is space.
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
/// Each object has a folder, named after the time when it was accepted, with the stored bytes and a description in JSON. It is
/// in `ready/` until the store has it, or in `failed/`, with the reason, if the store refused it for good. `staging/` holds what
/// is being written. What a killed process left there is removed when the spool is opened and nobody else has it open.
///
/// Any number of processes may add to one spool; one at a time uploads. Their locks end with the process.
///
/// # Cost
///
/// On disk, at most the [limit](SpoolBuilder::max_bytes) and what other processes add within ten seconds: the folders are listed
/// that often, and in between the spool counts what it adds and removes itself. Accepting an object syncs two files and two
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
    /// Notified when an object is accepted.
    accepted: Notify,
    /// The bytes of all objects: those counted in the folders, with what this process added and removed since.
    used: AtomicU64,
    /// When the folders were counted.
    counted: Mutex<Option<Instant>>,
    /// Where to report the arrival of an accepted object, by its id.
    waiting: Mutex<HashMap<String, Arc<SetOnce<Arrival>>>>,
    /// Set once nobody waits any longer.
    stopped: SetOnce<()>,
    counts: Mutex<SpoolCounts>,
    /// Its lock says that the spool is in use.
    _used: fs::File,
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
    /// How many objects the store does not have yet.
    pub objects: u64,
    /// Their bytes, as they are stored.
    pub bytes: u64,
    /// How long the oldest of them has waited.
    pub oldest: Option<Duration>,
    /// How many objects the store refused for good.
    pub failed: u64,
}

/// What a process has done with a spool since it opened it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolCounts {
    /// How many objects the store has confirmed.
    pub uploaded: u64,
    /// How many the store refused for good.
    pub set_aside: u64,
    /// How many attempts failed and will be repeated.
    pub failed: u64,
    /// How many attempts failed since an attempt last succeeded: while the store is away, all of them.
    pub failed_in_a_row: u64,
    /// How many objects were not accepted because the spool or its disk was full.
    pub refused: u64,
}

/// Why something cannot be spooled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The spool has reached its limit.
    #[error(
        "the spool is full: its limit is {limit} bytes; upload some objects, or raise the limit"
    )]
    Full {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The disk has too little space left.
    #[error("the spool's disk has only {free} bytes left, and {kept} must stay free")]
    DiskFull {
        /// The bytes that are free.
        free: u64,
        /// The bytes that must stay free.
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
    /// The document's stream failed.
    #[error("the source failed: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// [`Spool::stop_waiting`] was called before the object arrived.
    #[error("nobody waits for the store any longer")]
    Stopped,
    /// A file or a folder could not be used.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// A verb, such as `create` or `sync`.
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

    /// Whether there is no space: in the spool, on its disk, or in a quota.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Self::Full { .. } | Self::DiskFull { .. } => true,
            Self::Io { source, .. } => matches!(source.kind(), StorageFull | QuotaExceeded),
            _ => false,
        }
    }

    /// Whether the object itself is at fault, and not the system.
    fn is_of_content(&self) -> bool {
        use io::ErrorKind::{InvalidData, NotFound};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), InvalidData | NotFound))
    }
}

impl SpoolBuilder {
    /// Limits the bytes of its objects; 10 GB by default. A full spool refuses new objects at once.
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
    /// If the folders cannot be created, locked or cleaned.
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
                used: AtomicU64::default(),
                counted: Mutex::default(),
                waiting: Mutex::default(),
                stopped: SetOnce::new(),
                counts: Mutex::default(),
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

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.inner.folders.root()
    }

    /// Compresses a whole document into the spool, as an object that `archive` will have under `name`.
    ///
    /// # Errors
    ///
    /// If the spool or its disk is full, the stream fails, or the disk fails. Nothing is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the last step leaves nothing. From then on, a thread of the runtime finishes: the object is
    /// accepted, or nothing is left.
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
        let encoded = EncodedStream::new(document, archive.codec())?.with_digest();
        let document = writer.write_encoded(encoded).await?;
        writer.accept(document).await
    }

    /// Starts an object that `archive` will have under `name`.
    ///
    /// # Errors
    ///
    /// If the spool or its disk is full, the name breaks a rule for keys, or the disk fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing.
    pub async fn create(&self, archive: &Archive, name: &str) -> Result<SpoolWriter, SpoolError> {
        archive.location_of(name)?;
        SpoolWriter::new(self, name.to_owned(), archive.codec()).await
    }

    /// Takes the lock for uploading, and returns an uploader that sends the objects to `archive`, whatever their codecs.
    ///
    /// # Errors
    ///
    /// [`SpoolError::InUse`] if another uploader has the lock; [`SpoolError::Io`] if locking fails.
    pub async fn uploader(&self, archive: Archive) -> Result<Uploader, SpoolError> {
        let folders = self.inner.folders.clone();
        let lock = blocking(move || folders.lock_uploads()).await?;
        Ok(Uploader::new(self.clone(), archive, lock))
    }

    /// Looks at what is in the spool.
    ///
    /// # Errors
    ///
    /// If the folders cannot be listed.
    pub async fn status(&self) -> Result<SpoolStatus, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.status_now()).await
    }

    /// As [`status`](Self::status), but blocks this thread while it reads the disk.
    ///
    /// # Errors
    ///
    /// If the folders cannot be listed.
    pub fn status_now(&self) -> Result<SpoolStatus, SpoolError> {
        self.inner.folders.status()
    }

    /// Ends every [`Spooled::arrived`] of this value and its clones, now and in future: each returns
    /// [`SpoolError::Stopped`] unless its object has arrived. For a process that ends: accepted objects are not lost.
    pub fn stop_waiting(&self) {
        let _only_once = self.inner.stopped.set(());
    }

    /// Returns what this value and its clones have done, without reading the disk.
    pub fn counts(&self) -> SpoolCounts {
        *lock(&self.inner.counts)
    }

    /// Fails if `more` bytes do not fit.
    async fn check_space(&self, more: u64) -> Result<(), SpoolError> {
        let inner = Arc::clone(&self.inner);
        let checked = blocking(move || inner.check_space(more)).await;
        checked.map_err(|error| self.refused(error))
    }

    /// Counts an object that was refused for lack of space.
    fn refused(&self, error: SpoolError) -> SpoolError {
        lock(&self.inner.counts).refused += u64::from(error.is_full());
        error
    }
}

impl Inner {
    fn check_space(&self, more: u64) -> Result<(), SpoolError> {
        if !self.has_room(more)? {
            let limit = self.max_bytes;
            return Err(SpoolError::Full { limit });
        }
        let root = self.folders.root();
        let disk = rustix::fs::statvfs(root)
            .map_err(|error| SpoolError::io("look at the disk of", root)(error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.keep_free.saturating_add(more) {
            let kept = self.keep_free;
            return Err(SpoolError::DiskFull { free, kept });
        }
        Ok(())
    }

    fn has_room(&self, more: u64) -> Result<bool, SpoolError> {
        let mut counted = lock(&self.counted);
        loop {
            let has_room = self.used.load(Relaxed).saturating_add(more) <= self.max_bytes;
            let again = if has_room {
                COUNT_AGAIN
            } else {
                COUNT_AGAIN_IF_FULL
            };
            if counted.is_some_and(|counted| counted.elapsed() < again) {
                return Ok(has_room);
            }
            self.used.store(self.folders.used_bytes()?, Relaxed);
            *counted = Some(Instant::now());
        }
    }

    fn freed(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _always = self.used.fetch_update(Relaxed, Relaxed, less);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs blocking code on a thread for that. Once begun, it is finished even if the future is dropped.
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

/// Makes renames and creations in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), SpoolError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(SpoolError::io("sync", folder))
}
