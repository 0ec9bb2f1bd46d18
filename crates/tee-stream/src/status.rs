use std::{sync::Arc, time::Duration};

/// Where one branch is. A snapshot: it may be out of date when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchStatus {
    /// The number of the branch in its tee, counted from 0.
    pub id: u64,
    /// Its name, when it has one.
    pub name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub offset: u64,
    /// How many bytes it is behind the front of its cursor, or, without a cursor, behind the furthest byte that was produced.
    pub lag: u64,
    /// The number of the cursor that it reads from, counted from 0; none while it was cut loose and not polled since.
    pub cursor: Option<u64>,
    /// How much longer others wait for it; `None` for ever. What it is being charged at this moment is not yet taken off.
    pub patience_left: Option<Duration>,
}
