//! How much work a document has been.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much work a document has been so far, summed over all of its clones and streams.
///
/// From [`JsonDocument::statistics`](crate::JsonDocument::statistics). Divide
/// [`bytes_produced`](Self::bytes_produced) by the document's length for the number of passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonStatistics {
    /// Bytes of JSON that were written, including those that a replay produced only to throw them away. A counting pass
    /// is not included.
    pub bytes_produced: u64,
    /// Bytes of JSON that counting passes have walked over.
    pub bytes_counted: u64,
    /// How often `Serialize` was called on the root: about once for each chunk, and once for each 64 KiB of larger
    /// chunks.
    pub walks: u64,
    /// Streams that were made: each is one production, or the rest of one.
    pub streams: u64,
    /// Children that walks passed over one by one since they were written already, at a nanosecond or a few each. Where
    /// this is far more than the number of elements, a large container is no slice, `Vec` or `VecDeque`, and its
    /// cost grows with the square of its length: a [lazy document](crate::LazyDocument) has no such cost.
    pub children_skipped: u64,
    /// Children that were passed over by [`Iterator::nth`]: in no time in slices, `Vec` and `VecDeque`; one by one in
    /// sets, maps and linked lists.
    pub children_jumped: u64,
    /// Containers that walks entered again, having been in them before. A container that an adaptor
    /// builds anew on each walk (`#[serde(into)]`, `flatten`, `serialize_with`) is built as often as it is entered.
    pub containers_reentered: u64,
}

/// The running counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bytes_produced: AtomicU64,
    pub(crate) bytes_counted: AtomicU64,
    pub(crate) walks: AtomicU64,
    pub(crate) streams: AtomicU64,
    pub(crate) children_skipped: AtomicU64,
    pub(crate) children_jumped: AtomicU64,
    pub(crate) containers_reentered: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> JsonStatistics {
        JsonStatistics {
            bytes_produced: self.bytes_produced.load(Relaxed),
            bytes_counted: self.bytes_counted.load(Relaxed),
            walks: self.walks.load(Relaxed),
            streams: self.streams.load(Relaxed),
            children_skipped: self.children_skipped.load(Relaxed),
            children_jumped: self.children_jumped.load(Relaxed),
            containers_reentered: self.containers_reentered.load(Relaxed),
        }
    }
}

/// What one walk has passed over again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rework {
    pub(crate) skipped: u64,
    pub(crate) jumped: u64,
    pub(crate) reentered: u64,
}
