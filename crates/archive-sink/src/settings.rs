use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use object_store::{Attributes, ObjectStore, PutMultipartOptions, path::Path};
use thiserror::Error;
use tokio_util::task::TaskTracker;

use crate::{
    archive::Archive,
    codec::{Codec, CodecError, CodecKind},
    digest::RawDocument,
    metadata::{self, AttributeSupport, Nonce},
    read::verify::ReadLimit,
    write::{
        attempt::CreateOnly,
        multipart_upload::{MAX_PART_BYTES, MIN_PART_BYTES},
    },
};

impl Archive {
    /// Configures an archive in `store`.
    pub fn builder(store: Arc<dyn ObjectStore>) -> ArchiveBuilder {
        let kind = if CodecKind::Gzip.is_compiled() {
            CodecKind::Gzip
        } else {
            CodecKind::Identity
        };
        ArchiveBuilder {
            store,
            settings: Settings {
                prefix: Path::ROOT,
                codec: Codec::default_for(kind),
                attributes: AttributeSupport::Kept,
                content_type: "application/json".into(),
                part_size: MIN_PART_BYTES,
                parts_in_flight: 1,
                overwrite: Overwrite::CreateOnly,
                digest: true,
                retry_for: None,
                read_limit: ReadLimit::default(),
            },
            allow_small_parts: false,
        }
    }
}

/// Configures an [`Archive`]; created by [`Archive::builder`].
///
/// ```
/// use archive_sink::{Archive, AttributeSupport, Codec, CodecKind, Overwrite};
/// use object_store::{memory::InMemory, path::Path};
///
/// let archive = Archive::builder(std::sync::Arc::new(InMemory::new()))
///     .prefix(Path::from("auctions/mainnet"))
///     .codec(Codec::default_for(CodecKind::Identity))
///     .attributes(AttributeSupport::Absent)
///     .overwrite(Overwrite::Replace)
///     .digest(false)
///     .build()?;
/// # Ok::<(), archive_sink::BuildError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `build` for an archive"]
pub struct ArchiveBuilder {
    store: Arc<dyn ObjectStore>,
    settings: Settings,
    allow_small_parts: bool,
}

impl ArchiveBuilder {
    /// Sets what every key starts with. Default: nothing.
    pub fn prefix(mut self, prefix: Path) -> Self {
        self.settings.prefix = prefix;
        self
    }

    /// Sets how documents are stored. Default: gzip at level 3, or identity in a build without gzip.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.settings.codec = codec;
        self
    }

    /// Sets whether the store keeps attributes. Default: it does. Local folders do not, and refuse writes with attributes.
    pub fn attributes(mut self, attributes: AttributeSupport) -> Self {
        self.settings.attributes = attributes;
        self
    }

    /// Sets the `Content-Type` of new objects. Default: `application/json`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.settings.content_type = content_type.into();
        self
    }

    /// Sets the size of the first parts in bytes. Default: 5 MiB, the least that S3 takes.
    ///
    /// Parts grow by this size every 240 parts, so that the 10,000 parts of an upload hold 1 TiB. An object that fits in one
    /// part is sent in one PUT.
    pub fn part_size(mut self, bytes: usize) -> Self {
        self.settings.part_size = bytes;
        self
    }

    /// Allows parts below 5 MiB, for stores without such a rule: memory and local files.
    pub fn allow_small_parts(mut self) -> Self {
        self.allow_small_parts = true;
        self
    }

    /// Sets how many parts may be in flight while the next is being filled. Default: 1. Each takes one part of memory.
    pub fn parts_in_flight(mut self, parts: usize) -> Self {
        self.settings.parts_in_flight = parts;
        self
    }

    /// Sets what happens to an object that is there already. Default: it stays.
    pub fn overwrite(mut self, overwrite: Overwrite) -> Self {
        self.settings.overwrite = overwrite;
        self
    }

    /// Sets whether the SHA-256 of raw documents is computed. Default: it is.
    ///
    /// Without it, an object that is there already cannot be recognised as the same document, unless you
    /// [commit with a digest](crate::ArchiveWriter::commit_with).
    pub fn digest(mut self, enabled: bool) -> Self {
        self.settings.digest = enabled;
        self
    }

    /// Sets how long a commit may take, retries included. Default: until the writer's
    /// [deadline](crate::ArchiveWriter::until), or 2 minutes.
    pub fn retry_for(mut self, limit: Duration) -> Self {
        self.settings.retry_for = Some(limit);
        self
    }

    /// Limits the length of raw documents that are read. Default: [`ReadLimit::default`].
    pub fn read_limit(mut self, limit: ReadLimit) -> Self {
        self.settings.read_limit = limit;
        self
    }

    /// Builds the archive. Sends no request; [`Archive::check`] does.
    ///
    /// # Errors
    ///
    /// If a setting is out of range or the codec is not compiled.
    pub fn build(self) -> Result<Archive, BuildError> {
        let Settings {
            codec,
            part_size,
            parts_in_flight,
            content_type,
            ..
        } = &self.settings;
        codec.check()?;
        if *part_size == 0 || *part_size as u64 > MAX_PART_BYTES {
            return Err(BuildError::PartBytes(*part_size));
        }
        if *part_size < MIN_PART_BYTES && !self.allow_small_parts {
            return Err(BuildError::SmallParts(*part_size));
        }
        if *parts_in_flight == 0 {
            return Err(BuildError::NoPartsInFlight);
        }
        let is_graphic = content_type
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if content_type.trim().is_empty() || !is_graphic {
            return Err(BuildError::ContentType(content_type.clone()));
        }
        Ok(Archive(Arc::new(Shared::new(self.store, self.settings))))
    }
}

/// Why [`ArchiveBuilder::build`] refused its settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The codec is not compiled, or does not have this level.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Parts are smaller than remote stores take, and [`ArchiveBuilder::allow_small_parts`] was not
    /// called.
    #[error("parts of {0} bytes are too small: remote stores take no less than {MIN_PART_BYTES}")]
    SmallParts(usize),
    /// Parts have no bytes, or are larger than the 5 GiB that S3 takes.
    #[error("parts cannot have {0} bytes, only 1 to {MAX_PART_BYTES}")]
    PartBytes(usize),
    /// No part may be in flight, so nothing could ever be sent.
    #[error("at least one part must be allowed in flight")]
    NoPartsInFlight,
    /// The content type is empty or has characters that no header may have.
    #[error("the content type {0:?} is not a valid header value")]
    ContentType(String),
}

/// What happens if there is already an object of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Overwrite {
    /// Leaves it alone. If it holds the same document, committing succeeds with its receipt; otherwise it is a
    /// [`Conflict`](crate::CommitError::Conflict).
    ///
    /// The store itself refuses to replace an object by a single PUT (`If-None-Match: *` on S3). Before a multipart upload is
    /// completed, the archive looks; an object written in between is replaced, unless the store refuses that as well
    /// ([`CreateOnly`]). [`Placement`](crate::Placement) says which it was.
    #[default]
    CreateOnly,
    /// Replaces it in one step when the new object is committed.
    Replace,
}

/// How an archive writes and reads.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) prefix: Path,
    pub(crate) codec: Codec,
    pub(crate) attributes: AttributeSupport,
    pub(crate) content_type: String,
    pub(crate) part_size: usize,
    pub(crate) parts_in_flight: usize,
    pub(crate) overwrite: Overwrite,
    pub(crate) digest: bool,
    pub(crate) retry_for: Option<Duration>,
    pub(crate) read_limit: ReadLimit,
}

impl Settings {
    /// The attributes of a new object; none where the store keeps none.
    pub(crate) fn attributes_of(
        &self,
        codec: Codec,
        nonce: &Nonce,
        document: Option<RawDocument>,
    ) -> Attributes {
        match self.keeps_attributes() {
            true => metadata::attributes(codec, &self.content_type, nonce, document),
            false => Attributes::new(),
        }
    }

    pub(crate) fn keeps_attributes(&self) -> bool {
        self.attributes == AttributeSupport::Kept
    }

    /// The options with which a multipart upload is created.
    pub(crate) fn upload_options(&self, attributes: Attributes) -> PutMultipartOptions {
        let mut options = PutMultipartOptions::from(attributes);
        if self.overwrite == Overwrite::CreateOnly {
            options.extensions.insert(CreateOnly);
        }
        options
    }
}

/// What an archive's clones, writers and commits share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) settings: Settings,
    /// Clean-ups and completions, which must not be forgotten at shutdown. Always closed, so that waiting ends when
    /// nothing is running.
    pub(crate) running: TaskTracker,
    /// The check has seen a conditional PUT, or completion of an upload, replace an object.
    pub(crate) puts_replace: AtomicBool,
    pub(crate) uploads_replace: AtomicBool,
}

impl Shared {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, settings: Settings) -> Self {
        let running = TaskTracker::new();
        running.close();
        Self {
            store,
            settings,
            running,
            puts_replace: AtomicBool::new(false),
            uploads_replace: AtomicBool::new(false),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("store", &format_args!("{}", self.store))
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
