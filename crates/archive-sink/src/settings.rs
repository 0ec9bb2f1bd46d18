use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use object_store::{Attributes, ObjectStore, PutMultipartOptions, path::Path};
use tokio_util::task::TaskTracker;

use crate::{
    codec::Codec,
    digest::RawDocument,
    metadata::{self, AttributeSupport, Nonce},
    read::verify::ReadLimit,
    write::attempt::CreateOnly,
};

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
