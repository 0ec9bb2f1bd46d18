use std::sync::Arc;

use archive_sink::{Codec, EncodedStream};
use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{StreamExt, stream};
use tee_stream::Tee;

use super::feed::branch;
use super::shared_document::SharedDocument;
use super::tee_settings::TeeSettings;
use crate::document::{DocumentError, DocumentStream, Skip};

/// A document as it is compressed, once for all readers that want the same bytes.
///
/// A tee of its own: its source is one branch of the raw document, and a reader that falls behind too far has the
/// document compressed again, from byte 0, for what comes after its offset.
pub(super) struct EncodedFeed {
    codec: Codec,
    tee: Tee<DocumentError>,
}

impl EncodedFeed {
    pub(super) fn new(
        shared: &Arc<SharedDocument>,
        tail: &Bytes,
        codec: Codec,
        settings: TeeSettings,
    ) -> Self {
        let (raw, tail) = (shared.tee().clone(), tail.clone());
        let tee = settings.tee(move |offset| {
            let name = format!("{codec}");
            let raw = branch(&raw, &name, None, tail.clone());
            encode(raw, codec, offset)
        });
        Self { codec, tee }
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn tee(&self) -> &Tee<DocumentError> {
        &self.tee
    }
}

fn encode(
    raw: impl futures_core::Stream<Item = Result<Bytes, tee_stream::TeeError<DocumentError>>>
    + Send
    + 'static,
    codec: Codec,
    offset: u64,
) -> DocumentStream {
    let encoded = match EncodedStream::new(raw, codec) {
        Ok(encoded) => Either::Left(encoded.map(|item| item.map_err(DocumentError::new))),
        Err(error) => Either::Right(stream::iter([Err(DocumentError::new(error))])),
    };
    Box::pin(Skip::new(Box::pin(encoded), offset))
}
