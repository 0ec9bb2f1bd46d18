//! How documents are compressed on their way to solvers. The codecs are those of `archive-sink`, thus come with the feature
//! `archive`: without it, there is no value of type [`Codec`].

use std::error::Error;

use bytes::Bytes;
use tee_stream::Branch;

use crate::document::DocumentError;

#[cfg(feature = "archive")]
pub(crate) use archive_sink::Codec;

/// Whether documents can be compressed by `codec`: it may not be compiled.
#[cfg(feature = "archive")]
pub(crate) fn check(codec: Codec) -> Result<(), Box<dyn Error + Send + Sync>> {
    let nothing = futures_util::stream::empty::<Result<Bytes, std::convert::Infallible>>();
    let encoded = archive_sink::EncodedStream::new(nothing, codec);
    encoded.map(drop).map_err(Into::into)
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
mod without_codecs {
    use std::fmt;

    use super::*;

    /// There is none.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum Codec {}

    impl Codec {
        pub(crate) fn content_encoding(self) -> Option<&'static str> {
            match self {}
        }
    }

    impl fmt::Display for Codec {
        fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            match *self {}
        }
    }

    pub(crate) fn check(codec: Codec) -> Result<(), Box<dyn Error + Send + Sync>> {
        match codec {}
    }

    pub(crate) fn encode(
        raw: Branch<DocumentError>,
        codec: Codec,
    ) -> futures_util::stream::Empty<Result<Bytes, DocumentError>> {
        drop(raw);
        match codec {}
    }
}
#[cfg(not(feature = "archive"))]
pub(crate) use self::without_codecs::{Codec, check, encode};
