use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{BranchEnd, LagPolicy};

pub(crate) type OnEnd = Box<dyn FnOnce(BranchEnd) + Send>;

/// Options of one branch: a name, a policy, a tail, and a report.
///
/// ```
/// use tee_stream::{BranchOptions, LagPolicy};
///
/// let options = BranchOptions::new()
///     .name("solver-1")
///     .lag_policy(LagPolicy::Fail)
///     .tail("}")
///     .on_end(|end| println!("{:?}: {:?} after {} bytes", end.name, end.ending, end.bytes));
/// println!("{options:?}");
/// ```
#[derive(Default)]
pub struct BranchOptions {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) lag_policy: Option<LagPolicy>,
    pub(crate) tail: Bytes,
    pub(crate) on_end: Option<OnEnd>,
}

impl BranchOptions {
    /// Creates options without a name, a tail or a report, and with the policy of the tee.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name in [`BranchStatus`](crate::BranchStatus) and [`BranchEnd`].
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the policy of this branch, in place of that of the tee.
    #[must_use]
    pub fn lag_policy(mut self, policy: LagPolicy) -> Self {
        self.lag_policy = Some(policy);
        self
    }

    /// Appends bytes to the shared document, for this branch only.
    ///
    /// If the last chunk of the document is shorter than [`chunk_size`](crate::TeeBuilder::chunk_size), it is cut again
    /// together with the tail, so that every chunk but the last keeps that size. That copies less than one chunk.
    ///
    /// So the branch holds back the first shorter chunk until it has read the next one or the end. From then on it is one chunk
    /// behind. If short chunks must arrive at once, append the tail elsewhere.
    #[must_use]
    pub fn tail(mut self, tail: impl Into<Bytes>) -> Self {
        self.tail = tail.into();
        self
    }

    /// Calls `report` once, when the branch has ended or is dropped. The call happens in the poll or the drop of the branch,
    /// without a lock. It should be short.
    #[must_use]
    pub fn on_end(mut self, report: impl FnOnce(BranchEnd) + Send + 'static) -> Self {
        self.on_end = Some(Box::new(report));
        self
    }
}

impl fmt::Debug for BranchOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BranchOptions")
            .field("name", &self.name)
            .field("lag_policy", &self.lag_policy)
            .field("tail", &self.tail.len())
            .finish_non_exhaustive()
    }
}
