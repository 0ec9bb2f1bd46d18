use std::{future::poll_fn, time::Instant};

use object_store::path::Path;

use super::{
    abort_on_drop::AbortOnDrop, background::Background, commit::Commit, part_buffer::PartBuffer,
    part_schedule::part_bytes, receipt::Receipt, task::Task, told::Told, upload::Upload,
};
use crate::{
    AbortError, Archive, Codec, CommitError, RawDocument, Sha256Digest, WriteError, digest::Hasher,
    encode::compressor::Compressor, metadata::Nonce,
};

/// Writes one document into one object, which [`commit`](Self::commit) makes visible.
///
/// Made by [`Archive::create`]. Write the raw document to it as an [`AsyncWrite`](tokio::io::AsyncWrite), or hand it a
/// stream with [`send_all`](Self::send_all); then commit. Nothing else commits: neither `shutdown`,
/// which writes the codec's trailer and ends the document, nor dropping it.
///
/// # What the polls do
///
/// A write copies into a block of 16 KiB. When the block is full, the next write gives it to the
/// codec, wakes its task and returns `Pending`: so one poll compresses at most 16 KiB, and the codec's
/// input is cut at the same offsets whatever the sizes of the writes. When a part is full and as many
/// as allowed are in flight, writes wait.
///
/// `flush` waits until every full part is stored. What is short of a part stays in memory, since no
/// store would take it, and so does what the codec holds back, since forcing it out would make the
/// object depend on when somebody flushed (`tokio::io::copy` does whenever its reader pauses).
///
/// # Cancel safety
///
/// A write that is pending has taken nothing. For the rest see each method. Dropping the writer
/// leaves nothing visible and aborts the upload in a task on the runtime that was current when it was
/// made; [`Archive::settled`] waits for such tasks. Without a runtime, local stores still remove
/// their staging file, and remote ones keep the parts until a lifecycle rule removes them.
///
/// # Memory
///
/// (Parts in flight + 1) × the part size, 48 KiB before and behind the codec, and the codec.
#[derive(Debug)]
pub struct ArchiveWriter {
    pub(super) archive: Archive,
    pub(super) location: Path,
    nonce: Nonce,
    pub(super) compressor: Compressor,
    pub(super) part: PartBuffer,
    pub(super) hasher: Hasher,
    pub(super) raw_bytes: u64,
    pub(super) upload: AbortOnDrop,
    background: Background,
    pub(super) stage: Stage,
    pub(super) failure: Option<WriteError>,
    /// Left behind when a poll panics.
    pub(super) polling: bool,
    /// A `send_all` began and has not come to the end of its stream.
    pub(super) sending: bool,
    started: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Input is welcome.
    Writing,
    /// The codec is being finished.
    Finishing,
    /// The last part is on its way, if there are parts.
    Draining,
    /// Only the commit is missing.
    Closed,
}

impl ArchiveWriter {
    pub(crate) fn new(archive: Archive, location: Path, compressor: Compressor) -> Self {
        let settings = archive.settings();
        let nonce = Nonce::new();
        let background = Background::current(archive.running());
        let options = settings.upload_options(&nonce);
        let upload = Upload::new(
            archive.store(),
            location.clone(),
            options,
            settings.parts_in_flight,
            background.clone(),
        );
        let started = settings.clock.now();
        Self {
            nonce,
            compressor,
            part: PartBuffer::new(part_bytes(settings.part_size, 0)),
            hasher: Hasher::new(settings.digest, settings.clock.clone()),
            raw_bytes: 0,
            upload: AbortOnDrop::new(upload, background.clone()),
            background,
            stage: Stage::Writing,
            failure: None,
            polling: false,
            sending: false,
            started,
            archive,
            location,
        }
    }

    /// Computes no SHA-256, whatever the archive's setting: for callers that have one from elsewhere and
    /// [commit with it](Self::commit_with_digest), so that it costs once. What was hashed so far is
    /// forgotten.
    #[must_use]
    pub fn without_digest(mut self) -> Self {
        self.hasher.switch_off();
        self
    }

    /// Where the object will be.
    pub fn location(&self) -> &Path {
        &self.location
    }

    /// How the object is encoded.
    pub fn codec(&self) -> Codec {
        self.archive.settings().codec
    }

    /// How many bytes of the document have been taken so far.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// How many encoded bytes there are so far, on their way to the store or waiting for their part
    /// to be full. What the codec holds back is not among them.
    pub fn encoded_bytes(&self) -> u64 {
        self.upload.get_ref().stored_bytes() + self.part.len() as u64
    }

    /// Ends the document and makes the object visible.
    ///
    /// Finishes the codec, sends what is left, then carries out the one request that makes the object
    /// visible: a PUT when it all fits in one part, else the completion of the multipart upload. An
    /// answer that leaves open whether that was done is settled by looking at the object.
    ///
    /// # Errors
    ///
    /// The first cause of failure. The variant says whether anything is visible: nothing but for
    /// [`CommitError::Unknown`] and [`CommitError::Lost`]. The upload has been aborted then, or the
    /// error says why not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the last request is dropping the writer: nothing is left. From
    /// then on, a task finishes the commit, or cleans up if it fails: nothing or the whole object is
    /// left. Without a runtime, dropping it while completing may leave an upload, too.
    pub async fn commit(self) -> Result<Receipt, CommitError> {
        self.commit_told(Told::Nothing).await
    }

    /// As [`commit`](Self::commit), with the raw document's SHA-256 from the caller.
    ///
    /// It goes where one that the writer computed would go: into the metadata, the receipt, and the
    /// comparison with an object that is there already. A writer that has computed one, for want of
    /// [`without_digest`](Self::without_digest), compares the two. Otherwise the caller answers for it:
    /// with a wrong one, what is committed in a single PUT fails to read back.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit), and [`WriteError::Digest`] when the two differ.
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_with_digest(self, sha256: Sha256Digest) -> Result<Receipt, CommitError> {
        self.commit_told(Told::Digest(sha256)).await
    }

    pub(super) async fn commit_told(mut self, told: Told) -> Result<Receipt, CommitError> {
        if self.sending && self.failure.is_none() {
            self.failure = Some(WriteError::Unfinished {
                location: self.location.clone(),
            });
        }
        let closed = poll_fn(|cx| self.poll_close(cx)).await;
        let document = match closed.and_then(|()| self.document(told)) {
            Ok(document) => document,
            Err(cause) => {
                let clean_up = self.clean_up().await.err().map(Box::new);
                return Err(CommitError::Write { cause, clean_up });
            }
        };
        let location = self.location.clone();
        self.start_commit(document)
            .await
            .unwrap_or_else(|source| Err(CommitError::Lost { location, source }))
    }

    /// Gives the object up and leaves nothing of it in the store.
    ///
    /// Waits for the parts in flight before it aborts: a part that arrives after the abort may stay
    /// for ever.
    ///
    /// # Errors
    ///
    /// When the store does not abort the upload. Nothing is visible, but its parts may stay stored.
    ///
    /// # Cancel safety
    ///
    /// The clean-up goes on in a task when the future is dropped, if there is a runtime.
    pub async fn abort(self) -> Result<(), AbortError> {
        self.clean_up().await
    }

    async fn clean_up(self) -> Result<(), AbortError> {
        let Self {
            upload, location, ..
        } = self;
        upload
            .clean_up()
            .await
            .map_err(|source| AbortError { location, source })
    }

    /// What was written, as far as this writer and its caller know.
    fn document(&self, told: Told) -> Result<RawDocument, WriteError> {
        let written = RawDocument {
            bytes: self.raw_bytes,
            sha256: self.hasher.clone().finish(),
        };
        told.document(written, self.codec(), &self.location)
    }

    fn start_commit(self, document: RawDocument) -> Task<Result<Receipt, CommitError>> {
        let Self {
            mut part, hasher, ..
        } = self;
        let digest_time = hasher.busy();
        let upload = self.upload.disarm();
        let commit = Commit {
            archive: self.archive,
            location: self.location,
            nonce: self.nonce,
            document,
            stored_bytes: upload.stored_bytes() + part.len() as u64,
            digest_time,
            started: self.started,
        };
        self.background
            .start_detached(commit.run(upload, part.take(0)))
    }

    pub(super) fn failure(&self) -> Option<&WriteError> {
        self.failure.as_ref()
    }

    pub(super) fn fail(&mut self, error: WriteError) {
        self.failure.get_or_insert(error);
    }
}
