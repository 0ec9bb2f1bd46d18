//! The other end of a writer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

use crate::push::channel::Channel;
use crate::push::error::ChunksError;

/// What is written into a [`ChunkedWriter`](crate::ChunkedWriter), as a stream of chunks. None is empty. With the feature
/// `tokio`.
///
/// Ends well if the writer was finished, and else with an error; after either it stays ended. Dropping it makes
/// writing fail. With the feature `http-body` it is an `http_body::Body` too.
#[must_use = "dropping the chunks makes writing fail"]
pub struct Chunks {
    channel: Arc<Channel>,
}

impl Chunks {
    pub(crate) fn new(channel: Arc<Channel>) -> Self {
        Self { channel }
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, ChunksError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.channel.poll_receive(context)
    }

    /// Exact once the writer is finished.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let (queued, ended) = self.channel.remaining();
        (queued, ended.then_some(queued))
    }
}

impl FusedStream for Chunks {
    fn is_terminated(&self) -> bool {
        self.channel.end_is_seen()
    }
}

/// With the feature `http-body`. The size hint is exact once the writer is finished.
#[cfg(feature = "http-body")]
impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = ChunksError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, ChunksError>>> {
        self.poll_next(context)
            .map(|item| item.map(|chunk| chunk.map(http_body::Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.channel.remaining() == (0, true)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let (_, ended) = self.channel.remaining();
        let queued = self.channel.queued_bytes();
        if ended {
            return http_body::SizeHint::with_exact(queued);
        }
        let mut hint = http_body::SizeHint::new();
        hint.set_lower(queued);
        hint
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.channel.drop_reader();
    }
}

impl fmt::Debug for Chunks {
    /// Without the bytes, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, ended) = self.channel.remaining();
        formatter
            .debug_struct("Chunks")
            .field("queued", &queued)
            .field("ended", &ended)
            .finish()
    }
}
