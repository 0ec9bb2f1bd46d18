//! Sends the objects of a spool to the store.

use std::{
    collections::HashSet,
    convert::Infallible,
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error as StoreError, ObjectStoreExt, path::Path};
use tokio::{
    fs::File,
    io::AsyncReadExt,
    time::{Instant, sleep, timeout_at},
};

use super::{Spool, SpoolError, blocking, entry::Entry, lock, writer::Arrival};
use crate::{
    Archive, ArchiveWriter, Codec, CommitError, KeyError, Placement, Receipt, WriteError,
    WriteErrorKind, key,
};

/// The first and the longest pause after a failure. They have jitter, so that several services do not retry together.
const DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// How often to look for objects that other processes have accepted.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How many bytes of a file are read at once.
const BLOCK: usize = 64 * 1024;

/// How long one attempt may take, plus a second for so many bytes. A slow store is not one that is away.
const ATTEMPT: (Duration, u64) = (Duration::from_secs(10), 100_000);

/// Uploads what is in a [`Spool`], the oldest first, and removes what the store has confirmed.
///
/// Created by [`Spool::uploader`]. Each spool has one at a time, across all processes; its lock ends with it, or with its
/// process.
///
/// An object counts as confirmed if the store already has the same document under its name. If the store refuses an object for
/// good, because another document has its name or a permission is missing, the object moves to `failed/` with the reason
/// and holds up no other. Other failures are retried, after 100 ms at first and 30 s at most. One attempt may take 10 s, plus a
/// second for each 100 kB.
#[derive(Debug)]
pub struct Uploader {
    spool: Spool,
    archive: Archive,
    at_once: usize,
    /// Objects that failed since one was last uploaded. They come after the others, so that a few bad ones stop none.
    behind: Mutex<HashSet<String>>,
    _lock: std::fs::File,
}

/// What [`Uploader::drain`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Drained {
    /// How many objects the store has confirmed.
    pub uploaded: u64,
    /// How many it refused for good.
    pub set_aside: u64,
    /// The last failure, if objects are still in the spool for that reason.
    pub failure: Option<CommitError>,
}

impl Uploader {
    pub(super) fn new(spool: Spool, archive: Archive, lock: std::fs::File) -> Self {
        Self {
            spool,
            archive,
            at_once: 4,
            behind: Mutex::default(),
            _lock: lock,
        }
    }

    /// Sets how many objects are uploaded at the same time; 4 by default, at least 1.
    #[must_use]
    pub fn at_once(mut self, objects: usize) -> Self {
        self.at_once = objects.max(1);
        self
    }

    /// Uploads for ever. Retries while the store or the spool's own disk fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves each object in the spool, or whole in the store, or both; the next uploader finds it there.
    pub async fn run(self) -> Infallible {
        let mut delays = None;
        loop {
            let drained = self.drain().await;
            let got_through = drained.as_ref().is_ok_and(|drained| drained.uploaded > 0);
            let failure: Box<dyn Error + Send + Sync> = match drained.map(|drained| drained.failure)
            {
                Ok(Some(failure)) => failure.into(),
                Err(error) => error.into(),
                Ok(None) => {
                    delays = None;
                    let accepted = self.spool.inner.accepted.notified();
                    // Accepted here, or perhaps by another process.
                    let _ = tokio::time::timeout(LOOK_EVERY, accepted).await;
                    continue;
                }
            };
            if got_through {
                delays = None;
            }
            let delays = delays.get_or_insert_with(|| {
                let builder = ExponentialBuilder::default().with_jitter();
                let builder = builder.with_min_delay(DELAYS.0).with_max_delay(DELAYS.1);
                builder.without_max_times().build()
            });
            let delay = delays.next().unwrap_or(DELAYS.1);
            tracing::warn!(error = %failure, ?delay, "what is in the spool cannot be uploaded yet");
            sleep(delay).await;
        }
    }

    /// Uploads what is in the spool now. Stops after twice as many retriable failures in a row as are uploaded at once: then
    /// the store fails, and not single objects.
    ///
    /// # Errors
    ///
    /// If the spool's own disk fails.
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub async fn drain(&self) -> Result<Drained, SpoolError> {
        let folders = self.spool.inner.folders.clone();
        let mut entries = blocking(move || folders.ready()).await?;
        {
            let behind = lock(&self.behind);
            entries.sort_by_key(|entry| behind.contains(&entry.id));
        }
        let failed = AtomicUsize::new(0);
        let is_up = || failed.load(Relaxed) < 2 * self.at_once;
        let wanted = entries.into_iter().take_while(|_| is_up());
        let mut uploads =
            stream::iter(wanted.map(|entry| self.upload(entry))).buffer_unordered(self.at_once);
        let before = self.spool.counts();
        let mut failure = None;
        while let Some(uploaded) = uploads.next().await {
            if let Some(error) = uploaded? {
                // Uploads in progress are finished, so that what the store has is counted and removed.
                failed.fetch_add(1, Relaxed);
                failure = Some(error);
            } else {
                failed.store(0, Relaxed);
                lock(&self.behind).clear();
            }
        }
        let after = self.spool.counts();
        Ok(Drained {
            uploaded: after.uploaded - before.uploaded,
            set_aside: after.set_aside - before.set_aside,
            failure,
        })
    }

    /// Uploads an object or sets it aside. Returns an error that is worth a retry.
    async fn upload(&self, entry: Entry) -> Result<Option<CommitError>, SpoolError> {
        let inner = &self.spool.inner;
        let (folders, id) = (inner.folders.clone(), entry.id.clone());
        let refused = match self.store(&entry).await {
            Ok(stored) => stored.map_err(|error| (error.to_string(), Some(error))),
            // The archive that accepted the name has other rules.
            Err(error) => Err((error.to_string(), None)),
        };
        let arrival = match refused {
            Ok(receipt) => {
                let bytes = entry.stored_bytes;
                blocking(move || folders.remove(&entry)).await?;
                inner.freed(bytes);
                lock(&inner.counts).uploaded += 1;
                Arrival::Stored(Some(receipt))
            }
            Err((_, Some(error))) if !is_final(&error) => {
                let mut counts = lock(&inner.counts);
                counts.failed += 1;
                counts.failed_in_a_row += 1;
                lock(&self.behind).insert(id);
                return Ok(Some(error));
            }
            Err((reason, error)) => {
                tracing::error!(
                    error = reason,
                    name = entry.name,
                    "a spooled object is set aside"
                );
                let kept = reason.clone();
                blocking(move || folders.set_aside(&entry, &kept)).await?;
                lock(&inner.counts).set_aside += 1;
                Arrival::SetAside { error, reason }
            }
        };
        lock(&inner.counts).failed_in_a_row = 0;
        let waiting = lock(&inner.waiting).remove(&id);
        if let Some(waiting) = waiting {
            let _only_once = waiting.set(arrival);
        }
        Ok(None)
    }

    /// Stores one object, with its digest in the metadata whatever its size.
    async fn store(&self, entry: &Entry) -> Result<Result<Receipt, CommitError>, KeyError> {
        let limit = ATTEMPT.0 + Duration::from_secs(entry.stored_bytes / ATTEMPT.1);
        let deadline = Instant::now() + limit;
        let (archive, codec) = (&self.archive.0, Codec::default_for(entry.codec));
        let location = key::created(&archive.settings, codec, &entry.name)?;
        let document = Some(entry.document);
        let writer = ArchiveWriter::new(Arc::clone(archive), location, codec, true, document);
        let mut writer = writer.until(deadline);
        // A file that cannot be read must hold up no other object.
        let blocks = stream::try_unfold((None, BytesMut::new()), |(file, mut block)| async {
            let mut file = match file {
                Some(file) => file,
                None => File::open(entry.object()).await?,
            };
            block.reserve(BLOCK);
            let read = file.read_buf(&mut block).await?;
            let piece = block.split().freeze();
            Ok::<_, std::io::Error>((read > 0).then_some((piece, (Some(file), block))))
        });
        // If it failed or was too slow, committing returns the cause and cleans up.
        let _sent = timeout_at(deadline, writer.send_all(blocks)).await;
        let mut committed = writer.commit_with(entry.document).await;
        if let Err(CommitError::Conflict {
            location, compared, ..
        }) = &mut committed
            && !*compared
        {
            match self.has_same_bytes(entry, location).await {
                Ok(true) => return Ok(Ok(already_there(entry, location.clone()))),
                Ok(false) => *compared = true,
                Err(error) => tracing::debug!(%error, "what is there cannot be compared yet"),
            }
        }
        Ok(committed)
    }

    /// Compares an object with the one under its name, byte by byte: for when one of them has no digest.
    async fn has_same_bytes(&self, entry: &Entry, location: &Path) -> std::io::Result<bool> {
        let found = self.archive.0.store.get(location).await?;
        if found.meta.size != entry.stored_bytes {
            return Ok(false);
        }
        let mut own = File::open(entry.object()).await?;
        let mut found = found.into_stream();
        while let Some(chunk) = found.try_next().await? {
            let mut block = vec![0; chunk.len()];
            own.read_exact(&mut block).await?;
            if block != chunk {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The receipt for an object that was found in its place.
fn already_there(entry: &Entry, location: Path) -> Receipt {
    Receipt {
        location,
        e_tag: None,
        version: None,
        raw_bytes: entry.document.bytes,
        stored_bytes: entry.stored_bytes,
        sha256: None,
        codec: entry.codec,
        parts: 0,
        placement: Placement::AlreadyThere,
    }
}

/// Whether a retry is of no use.
fn is_final(error: &CommitError) -> bool {
    let source = match error {
        CommitError::Conflict { compared, .. } => return *compared,
        CommitError::Refused { source, .. } => source,
        CommitError::Write {
            cause:
                WriteError {
                    kind: WriteErrorKind::Store { source, .. },
                    ..
                },
            ..
        } => source,
        CommitError::Write { cause, .. } => {
            return matches!(
                cause.kind,
                WriteErrorKind::TooLarge { .. } | WriteErrorKind::Length { .. }
            );
        }
        _ => return false,
    };
    matches!(
        source,
        StoreError::PermissionDenied { .. }
            | StoreError::NotSupported { .. }
            | StoreError::InvalidPath { .. }
    )
}
