use serde::Serialize;

/// What became of the archive.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ArchiveOutcome {
    /// How it ended.
    pub status: ArchiveStatus,
    /// Where the object is: an absolute URL, without user info.
    pub location: Option<String>,
    /// The codec's name.
    pub codec: Option<String>,
    /// Bytes of the raw document.
    pub raw_bytes: Option<u64>,
    /// Bytes of the object.
    pub stored_bytes: Option<u64>,
    /// SHA-256 of the raw document, in hex.
    pub sha256: Option<String>,
    /// How many parts it was uploaded in: 1 for a single PUT. `None` when the same document was there already.
    pub parts: Option<u64>,
    /// What the store calls this version of the object.
    pub e_tag: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How an archive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveStatus {
    /// The object is there, whole.
    Ok,
    /// It failed, and the error says whether the object may be there.
    Failed,
    /// The run was cancelled before it had ended, and the error says whether the object may be there. Only the program
    /// cancels runs.
    Cancelled,
    /// No archive was asked for.
    Skipped,
    /// It goes on after the run: [`PendingArchive`](crate::PendingArchive) tells how it ends.
    Running,
}

impl ArchiveOutcome {
    pub(crate) fn skipped() -> Self {
        Self::new(ArchiveStatus::Skipped)
    }

    pub(crate) fn running() -> Self {
        Self::new(ArchiveStatus::Running)
    }

    /// It is not known what became of it.
    pub(crate) fn lost(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::new(ArchiveStatus::Failed)
        }
    }

    pub(crate) fn failed(codec: &str, error: String) -> Self {
        let codec = Some(codec.to_owned());
        Self {
            codec,
            error: Some(error),
            ..Self::new(ArchiveStatus::Failed)
        }
    }

    /// The run was cancelled, perhaps while it was being committed.
    pub(crate) fn cancelled(codec: &str, was_committing: bool) -> Self {
        let error = if was_committing {
            "cancelled while it was being committed: the object may be there, whole"
        } else {
            "cancelled before it was committed"
        };
        Self {
            status: ArchiveStatus::Cancelled,
            ..Self::failed(codec, error.to_owned())
        }
    }

    pub(crate) fn new(status: ArchiveStatus) -> Self {
        Self {
            status,
            location: None,
            codec: None,
            raw_bytes: None,
            stored_bytes: None,
            sha256: None,
            parts: None,
            e_tag: None,
            error: None,
        }
    }
}
