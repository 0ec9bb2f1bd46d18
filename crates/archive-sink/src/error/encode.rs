use std::{io, sync::Arc};

use thiserror::Error;

/// Why an [`EncodedStream`](crate::EncodedStream) ended before its document did.
///
/// It is the stream's last item: what came before is no whole encoding.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum EncodedStreamError<E> {
    /// The stream of raw chunks failed.
    #[error("the stream to encode failed: {0}")]
    Source(#[source] E),
    /// The encoder failed.
    #[error("cannot encode the stream: {0}")]
    Encode(#[source] Arc<io::Error>),
    /// An earlier poll panicked: a bug in the stream of raw chunks or in a codec.
    #[error("an earlier poll of the stream to encode panicked")]
    Panicked,
}
