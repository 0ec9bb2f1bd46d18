use tokio::task::JoinHandle;

use crate::outcome::ArchiveOutcome;

/// An archive that goes on after its run.
///
/// Dropping this does not stop it: [`Pipeline::drain`](crate::Pipeline::drain) waits for it.
#[derive(Debug)]
pub struct PendingArchive {
    /// `None` when nothing is archived.
    task: Option<JoinHandle<ArchiveOutcome>>,
}

impl PendingArchive {
    pub(super) fn new(task: Option<JoinHandle<ArchiveOutcome>>) -> Self {
        Self { task }
    }

    /// Waits until it has ended, and says how.
    ///
    /// Cancel safety: the archive goes on when the future is dropped.
    pub async fn ended(self) -> ArchiveOutcome {
        match self.task {
            None => ArchiveOutcome::skipped(),
            Some(task) => task.await.unwrap_or_else(|error| {
                ArchiveOutcome::lost(format!("the task that archived ended: {error}"))
            }),
        }
    }
}
