use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{BranchEnd, LagPolicy};

pub(crate) type OnEnd = Box<dyn FnOnce(BranchEnd) + Send>;

/// The options of one branch: a name, a policy, a tail, a report.
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
    /// No name, the policy of the tee, no tail, no report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name in [`BranchStatus`](crate::BranchStatus) and [`BranchEnd`].
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets another policy than that of the tee.
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
    /// So the branch holds the first shorter chunk back until it has read the next one or the end, and is one chunk behind from
    /// then on. If short chunks of a source must arrive at once, append the tail elsewhere.
    #[must_use]
    pub fn tail(mut self, tail: impl Into<Bytes>) -> Self {
        self.tail = tail.into();
        self
    }

    /// Calls `report` once, when the branch has ended or was dropped. It runs in the poll or the drop of the branch, with no
    /// lock held, and should be short.
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
