//! The spool on disk: its folders, their locks, and an object with its description.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{SpoolError, SpoolStatus, sync_folder};
use crate::{CodecKind, RawDocument, Sha256Digest, metadata::unique_word};

const OBJECT: &str = "object";
const DESCRIPTION: &str = "description.json";
const REASON: &str = "reason.txt";
const NO_REASON: &str = "the store refuses it; there was no space to note why";

/// A spool's folders, one for each state of an object.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    root: Arc<Path>,
}

/// An accepted object.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its folder's name, by which entries are in order.
    pub(super) id: String,
    folder: PathBuf,
    pub(super) name: String,
    pub(super) codec: CodecKind,
    pub(super) document: RawDocument,
    pub(super) stored_bytes: u64,
}

/// What an object is, as the disk keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    name: String,
    codec: String,
    raw_bytes: u64,
    sha256: Option<String>,
    stored_bytes: u64,
}

impl Description {
    pub(super) fn new(
        name: &str,
        codec: CodecKind,
        document: RawDocument,
        stored_bytes: u64,
    ) -> Self {
        Self {
            name: name.to_owned(),
            codec: codec.name().to_owned(),
            raw_bytes: document.bytes,
            sha256: document.sha256.map(|digest| digest.to_string()),
            stored_bytes,
        }
    }
}

/// The name of the next object's folder. Two in the same millisecond are in any order.
pub(super) fn next_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    format!("{millis:016}-{}", unique_word())
}

/// When an object was accepted, since 1970, from the name of its folder.
fn accepted(folder: &Path) -> Duration {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let millis = name
        .split('-')
        .next()
        .and_then(|millis| millis.parse().ok());
    Duration::from_millis(millis.unwrap_or_default())
}

/// Opens or creates the folders. If nobody else has the spool open, removes what killed processes left.
///
/// The spool is in use until the returned file is closed, at the end of the process at the latest.
pub(super) fn open(root: &Path) -> Result<(Folders, File), SpoolError> {
    let folders = Folders { root: root.into() };
    for folder in [folders.staging(), folders.ready_folder(), folders.failed()] {
        fs::create_dir_all(&folder).map_err(SpoolError::io("create", &folder))?;
    }
    sync_folder(root)?;
    let path = root.join("used.lock");
    let file = File::create(&path).map_err(SpoolError::io("create", &path))?;
    if file.try_lock().is_ok() {
        for left in list(&folders.staging())? {
            fs::remove_dir_all(&left).map_err(SpoolError::io("remove", &left))?;
        }
        file.unlock().map_err(SpoolError::io("unlock", &path))?;
    }
    // Another process that opens it at the same moment has nothing in staging yet.
    file.lock_shared().map_err(SpoolError::io("lock", &path))?;
    Ok((folders, file))
}

/// The paths in a folder, in order.
fn list(folder: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let error = || SpoolError::io("list", folder);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(error())? {
        paths.push(entry.map_err(error())?.path());
    }
    paths.sort();
    Ok(paths)
}

impl Folders {
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    fn ready_folder(&self) -> PathBuf {
        self.root.join("ready")
    }

    fn failed(&self) -> PathBuf {
        self.root.join("failed")
    }

    /// Takes the lock for uploading, which ends when the returned file is closed.
    ///
    /// # Errors
    ///
    /// [`SpoolError::InUse`] if another uploader has it.
    pub(super) fn lock_uploads(&self) -> Result<File, SpoolError> {
        let path = self.root.join("upload.lock");
        let file = File::create(&path).map_err(SpoolError::io("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse(self.root.to_path_buf())),
            Err(TryLockError::Error(error)) => Err(SpoolError::io("lock", &path)(error)),
        }
    }

    /// A new folder for an object that is being written, and its file.
    pub(super) fn stage(&self) -> Result<(PathBuf, File), SpoolError> {
        let folder = self.staging().join(unique_word());
        fs::create_dir(&folder).map_err(SpoolError::io("create", &folder))?;
        let path = folder.join(OBJECT);
        let file = File::create_new(&path).map_err(SpoolError::io("create", &path))?;
        Ok((folder, file))
    }

    /// Accepts an object: completes and syncs its folder, then renames it in one step.
    pub(super) fn accept(
        &self,
        staged: &Path,
        id: &str,
        description: &Description,
    ) -> Result<(), SpoolError> {
        let object = staged.join(OBJECT);
        let file = File::open(&object).map_err(SpoolError::io("open", &object))?;
        file.sync_all().map_err(SpoolError::io("sync", &object))?;
        let path = staged.join(DESCRIPTION);
        let written = File::create_new(&path).and_then(|file| {
            serde_json::to_writer(&file, description)?;
            file.sync_all()
        });
        written.map_err(SpoolError::io("write", &path))?;
        sync_folder(staged)?;
        let folder = self.ready_folder().join(id);
        fs::rename(staged, &folder).map_err(SpoolError::io("accept", staged))?;
        sync_folder(&self.ready_folder())
    }

    /// What became of an accepted object: `None` while it waits, otherwise the reason if it was set aside.
    pub(super) fn arrival(&self, id: &str) -> Option<Option<String>> {
        if self.ready_folder().join(id).exists() {
            return None;
        }
        let failed = self.failed().join(id);
        let reason = || fs::read_to_string(failed.join(REASON));
        Some(
            failed
                .exists()
                .then(|| reason().unwrap_or_else(|_| NO_REASON.to_owned())),
        )
    }

    /// The objects that the store does not have yet, the oldest first. Sets aside what cannot be read.
    pub(super) fn ready(&self) -> Result<Vec<Entry>, SpoolError> {
        let mut entries = Vec::new();
        for folder in list(&self.ready_folder())? {
            match Entry::read(&folder) {
                Ok(entry) => entries.push(entry),
                // An uploader has removed it in the meantime.
                Err(_) if !folder.exists() => {}
                // Too many open files, for example: the object may be whole.
                Err(error) if !error.is_of_content() => {
                    tracing::warn!(%error, "a spooled object cannot be looked at yet");
                }
                Err(error) => self.set_folder_aside(&folder, &error.to_string())?,
            }
        }
        Ok(entries)
    }

    /// The bytes of all objects: accepted, failed and being written.
    pub(super) fn used_bytes(&self) -> Result<u64, SpoolError> {
        let mut bytes = 0;
        for parent in [self.staging(), self.ready_folder(), self.failed()] {
            let objects = list(&parent)?.into_iter().map(|folder| folder.join(OBJECT));
            bytes += objects
                .filter_map(|object| Some(fs::metadata(object).ok()?.len()))
                .sum::<u64>();
        }
        Ok(bytes)
    }

    pub(super) fn status(&self) -> Result<SpoolStatus, SpoolError> {
        let ready = list(&self.ready_folder())?;
        let oldest = ready
            .first()
            .map(|folder| SystemTime::UNIX_EPOCH + accepted(folder));
        let lengths = ready.iter().map(|folder| fs::metadata(folder.join(OBJECT)));
        Ok(SpoolStatus {
            objects: ready.len() as u64,
            bytes: lengths.filter_map(|found| Some(found.ok()?.len())).sum(),
            oldest: oldest.and_then(|oldest| SystemTime::now().duration_since(oldest).ok()),
            failed: list(&self.failed())?.len() as u64,
        })
    }

    /// Removes an object that the store has. Renames it first, so that no part of it is ever taken for the whole.
    pub(super) fn remove(&self, entry: &Entry) -> Result<(), SpoolError> {
        let removed = self.staging().join(&entry.id);
        fs::rename(&entry.folder, &removed).map_err(SpoolError::io("remove", &entry.folder))?;
        sync_folder(&self.ready_folder())?;
        fs::remove_dir_all(&removed).map_err(SpoolError::io("remove", &removed))
    }

    /// Moves an object that the store refuses for good to `failed/`.
    pub(super) fn set_aside(&self, entry: &Entry, reason: &str) -> Result<(), SpoolError> {
        self.set_folder_aside(&entry.folder, reason)
    }

    fn set_folder_aside(&self, folder: &Path, reason: &str) -> Result<(), SpoolError> {
        // A full disk must not stop this: the object would stay in front of those that can be uploaded.
        if let Err(error) = fs::write(folder.join(REASON), reason) {
            tracing::error!(%error, reason, "why an object is set aside cannot be noted");
        }
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        fs::rename(folder, self.failed().join(name))
            .map_err(SpoolError::io("set aside", folder))?;
        sync_folder(&self.failed())?;
        sync_folder(&self.ready_folder())
    }
}

impl Entry {
    fn read(folder: &Path) -> Result<Self, SpoolError> {
        let path = folder.join(DESCRIPTION);
        let unusable = |why: &str| {
            let error = std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
            SpoolError::io("use", &path)(error)
        };
        let text = fs::read(&path).map_err(SpoolError::io("read", &path))?;
        let found: Description =
            serde_json::from_slice(&text).map_err(|error| unusable(&error.to_string()))?;
        let codec = CodecKind::ALL
            .into_iter()
            .find(|codec| codec.name() == found.codec);
        let codec = codec.ok_or_else(|| unusable("it names a codec that there is not"))?;
        let mut document = RawDocument::new(found.raw_bytes);
        if let Some(digest) = &found.sha256 {
            let digest = Sha256Digest::from_hex(digest);
            document = document.with_sha256(digest.ok_or_else(|| unusable("its digest is none"))?);
        }
        let object = folder.join(OBJECT);
        let length = fs::metadata(&object)
            .map_err(SpoolError::io("look at", &object))?
            .len();
        if length != found.stored_bytes {
            return Err(unusable("its object has another length"));
        }
        let id = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            id,
            folder: folder.to_owned(),
            name: found.name,
            codec,
            document,
            stored_bytes: found.stored_bytes,
        })
    }

    pub(super) fn object(&self) -> PathBuf {
        self.folder.join(OBJECT)
    }
}
