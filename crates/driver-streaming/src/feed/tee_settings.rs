use std::num::NonZeroUsize;

use bytes::Bytes;
use futures_core::Stream;
use tee_stream::{Tee, TokioTimer};

use crate::document::DocumentError;

/// How many productions of one document may be under way at once. Together they keep at most a window, and a chunk each.
pub(crate) const PRODUCTIONS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// What all tees of a run have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TeeSettings {
    /// The budget of each window, in bytes.
    pub(crate) window_bytes: usize,
    /// Whether documents are digested.
    pub(crate) digest: bool,
}

impl TeeSettings {
    /// A tee of the document that `produce` yields from an offset on.
    pub(super) fn tee<S>(
        self,
        produce: impl Fn(u64) -> S + Send + Sync + 'static,
    ) -> Tee<DocumentError>
    where
        S: Stream<Item = Result<Bytes, DocumentError>> + Send + 'static,
    {
        Tee::builder()
            .window(self.window_bytes)
            .timer(TokioTimer::new())
            .max_productions(PRODUCTIONS_AT_ONCE)
            .build_replayable(produce)
    }
}
