use std::{fmt, sync::Arc};

use crate::{Branch, BranchOptions, BranchStatus, TeeBuilder, TeeStatistics, shared::Shared};

/// One stream of bytes for any number of readers.
///
/// A handle: clones are the same tee. It adds branches and tells where they are; branches do not need it to go on.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::{StreamExt, stream};
/// use tee_stream::Tee;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let chunks = ["one ", "document"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes())));
/// let tee = Tee::builder().build(stream::iter(chunks));
/// let (mut first, mut second) = (tee.branch(), tee.branch());
/// assert_eq!(first.next().await.unwrap().unwrap(), "one ");
/// assert_eq!(second.next().await.unwrap().unwrap(), "one ");
/// assert_eq!(tee.statistics().bytes_produced, 4);
/// # }).unwrap();
/// ```
pub struct Tee<E> {
    shared: Arc<Shared<E>>,
}

impl<E> Tee<E> {
    /// Begins to configure one.
    pub fn builder() -> TeeBuilder<E> {
        TeeBuilder::new()
    }

    pub(crate) fn new(shared: Arc<Shared<E>>) -> Self {
        Self { shared }
    }

    /// Adds a branch with the policy of the tee. It reads from byte 0, whenever it joins.
    ///
    /// If byte 0 has left every window, its first poll replays the document, or, without a replay, yields
    /// [`Unavailable`](crate::TeeError::Unavailable).
    pub fn branch(&self) -> Branch<E> {
        self.branch_with(BranchOptions::new())
    }

    /// The same with options of its own.
    pub fn branch_with(&self, options: BranchOptions) -> Branch<E> {
        Branch::new(Arc::clone(&self.shared), options)
    }

    /// What the tee has cost so far. Takes the lock for a moment.
    pub fn statistics(&self) -> TeeStatistics {
        self.shared.lock().statistics()
    }

    /// Where each branch is that has not ended. Takes the lock for as long as it takes to list them.
    pub fn branches(&self) -> Vec<BranchStatus> {
        self.shared.lock().branches()
    }
}

impl<E> Clone for Tee<E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E> fmt::Debug for Tee<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tee")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
