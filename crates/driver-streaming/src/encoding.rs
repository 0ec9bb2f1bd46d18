//! How documents are compressed on their way to solvers. The codecs are those of `archive-sink`, thus come with the feature
//! `archive`: without it, there is no value of type [`Codec`].

#[cfg(not(feature = "archive"))]
pub(crate) use std::convert::Infallible as Codec;

#[cfg(feature = "archive")]
pub(crate) use archive_sink::Codec;
use bytes::Bytes;
use tee_stream::Branch;

use crate::client::BoxError;
use crate::document::DocumentError;

/// The `Content-Encoding` of what `codec` compresses.
pub(crate) fn content_encoding(codec: Codec) -> Option<&'static str> {
    #[cfg(not(feature = "archive"))]
    match codec {}
    #[cfg(feature = "archive")]
    codec.content_encoding()
}

/// How requests may be compressed to an engine that says what it takes, best first.
pub(crate) fn candidates() -> impl Iterator<Item = Codec> {
    #[cfg(not(feature = "archive"))]
    return std::iter::empty();
    #[cfg(feature = "archive")]
    {
        use archive_sink::CodecKind::{Brotli, Gzip, Zstd};

        let compiled = [Zstd, Gzip, Brotli].into_iter();
        let compiled = compiled.filter(|kind| kind.is_compiled());
        compiled.map(Codec::default_for)
    }
}

/// Whether documents can be compressed by `codec`: it may not be compiled.
pub(crate) fn check(codec: Codec) -> Result<(), BoxError> {
    #[cfg(not(feature = "archive"))]
    match codec {}
    #[cfg(feature = "archive")]
    {
        let nothing = futures_util::stream::empty::<Result<Bytes, std::convert::Infallible>>();
        let encoded = archive_sink::EncodedStream::new(nothing, codec);
        encoded.map(drop).map_err(Into::into)
    }
}

/// What `raw` yields, compressed.
#[cfg(feature = "archive")]
pub(crate) fn encode(
    raw: Branch<DocumentError>,
    codec: Codec,
) -> impl futures_core::Stream<Item = Result<Bytes, DocumentError>> + Unpin + Send {
    use futures_util::future::Either;
    use futures_util::{TryStreamExt, stream};

    match archive_sink::EncodedStream::new(raw, codec) {
        Ok(encoded) => Either::Left(encoded.map_err(DocumentError::new)),
        Err(error) => Either::Right(stream::iter([Err(DocumentError::new(error))])),
    }
}

#[cfg(not(feature = "archive"))]
pub(crate) fn encode(
    _raw: Branch<DocumentError>,
    codec: Codec,
) -> futures_util::stream::Empty<Result<Bytes, DocumentError>> {
    match codec {}
}
