use std::{
    fmt, io,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::{
    codec::{Codec, CodecError},
    digest::{RawDocument, Sha256Hasher},
    encoder::{EMPTY_CHUNKS_PER_POLL, Encoder, Progress},
};

/// How large chunks are by default: 64 KiB.
const CHUNK_BYTES: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

pin_project! {
    /// A stream that encodes raw chunks as an archive would store them, in chunks of an exact size.
    ///
    /// Every chunk but the last has the chosen size, 64 KiB by default, and none is empty. The bytes depend only on the document,
    /// the codec and its level, not on how the source is cut or when it is ready, nor on the chunk size. They are the bytes that
    /// an [`ArchiveWriter`](crate::ArchiveWriter) with that codec stores, without the digest at the end, so one encoding can be
    /// sent elsewhere and [archived](crate::Archive::create_encoded). The same build encodes the same document identically
    /// again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use archive_sink::{Codec, EncodedStream};
    /// use futures_util::{TryStreamExt, stream};
    ///
    /// let raw = stream::iter(["{\"orders\":", "[]}"].map(|text| Ok::<_, std::io::Error>(text.into())));
    /// let encoded: Vec<bytes::Bytes> = EncodedStream::new(raw, Codec::Identity)?.try_collect().await?;
    /// assert_eq!(encoded, ["{\"orders\":[]}"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # How it ends
    ///
    /// With `None` when the source has ended and the codec has written its trailer. With one error, and then `None`, if the
    /// source fails or an earlier poll panicked. After an error there is no trailer, and the chunk that was being filled is
    /// dropped: an incomplete document never looks complete, although for identity only the error shows it. After its end, the
    /// stream does not poll the source again.
    ///
    /// # Cost
    ///
    /// One poll gives the codec at most one block of 32 KiB, and the codec works on at most one block of its own (128 KiB for
    /// zstd), also at the end. If that fills no chunk, the poll wakes its task and returns `Pending`.
    ///
    /// Memory: the chunk that is being filled, 48 KiB around the codec, the rest of the source's last chunk, and the codec, all
    /// freed at the end. A chunk that was handed out has memory of its own, exactly of its size.
    ///
    /// # Cancel safety
    ///
    /// A poll that is pending has lost nothing. Dropping the stream drops the source.
    #[must_use = "streams do nothing unless polled"]
    pub struct EncodedStream<S> {
        #[pin]
        source: S,
        codec: Codec,
        chunk_size: NonZeroUsize,
        // `None` when the stream has ended.
        encoder: Option<Box<Encoder>>,
        // Left behind when a poll panics.
        polling: bool,
        input: Bytes,
        raw_bytes: u64,
        encoded_bytes: u64,
        // Known when the stream has ended well.
        document: Option<RawDocument>,
    }
}

impl<S> EncodedStream<S> {
    /// Encodes `source` with `codec`, in chunks of 64 KiB.
    ///
    /// # Errors
    ///
    /// If the codec is not compiled, or does not have this level.
    pub fn new(source: S, codec: Codec) -> Result<Self, CodecError> {
        Ok(Self {
            source,
            codec,
            chunk_size: CHUNK_BYTES,
            encoder: Some(Box::new(Encoder::new(codec, CHUNK_BYTES.get())?)),
            polling: false,
            input: Bytes::new(),
            raw_bytes: 0,
            encoded_bytes: 0,
            document: None,
        })
    }

    /// Computes the SHA-256 of the raw document as well, for [`raw_document`](Self::raw_document). Call it before
    /// the first poll.
    pub fn with_digest(mut self) -> Self {
        if let Some(encoder) = &mut self.encoder {
            encoder.hasher = Some(Sha256Hasher::default());
        }
        self
    }

    /// Sets the size of every chunk but the last. A chunk that is being filled keeps its size.
    ///
    /// A chunk above 64 KiB is collected in blocks and then joined, so its size is not allocated up front.
    pub fn with_chunk_size(mut self, bytes: NonZeroUsize) -> Self {
        self.chunk_size = bytes;
        if let Some(encoder) = &mut self.encoder
            && encoder.output.is_empty()
        {
            encoder.output.take(bytes.get());
        }
        self
    }

    /// How the chunks are encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// How many raw bytes have been given to the encoder so far.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// How many encoded bytes have been handed out so far.
    pub fn encoded_bytes(&self) -> u64 {
        self.encoded_bytes
    }

    /// The raw document: its length, and its SHA-256 if [asked for](Self::with_digest). `None` until the stream has
    /// ended, and for ever if it failed.
    ///
    /// This is what [`commit_with`](crate::ArchiveWriter::commit_with) needs.
    pub fn raw_document(&self) -> Option<RawDocument> {
        self.document
    }

    /// The stream of raw chunks.
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// The stream of raw chunks. Chunks taken from it here are missing in the encoding.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// The stream of raw chunks. Bytes taken from it and not handed out are lost.
    pub fn into_inner(self) -> S {
        self.source
    }
}

impl<S, E> EncodedStream<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    /// Fills a block, if none is waiting, and encodes it. `None` is the end.
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Result<Option<Bytes>, EncodedStreamError<E>>> {
        let mut this = self.project();
        let mut empty_chunks = 0;
        while !encoder.has_work() {
            if !this.input.is_empty() {
                *this.raw_bytes += encoder.take_chunk(this.input) as u64;
                continue;
            }
            if encoder.is_finished() || empty_chunks == EMPTY_CHUNKS_PER_POLL {
                break;
            }
            match ready!(this.source.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => {
                    empty_chunks += usize::from(chunk.is_empty());
                    *this.input = chunk;
                }
                Some(Err(error)) => return Poll::Ready(Err(EncodedStreamError::Source(error))),
                None => encoder.end(),
            }
        }
        let progress = match encoder.step() {
            Ok(progress) => progress,
            Err(error) => return Poll::Ready(Err(EncodedStreamError::Encode(Arc::new(error)))),
        };
        let output = &mut encoder.output;
        if output.is_full() || progress == Progress::OutputFull {
            return Poll::Ready(Ok(Some(output.take_joined(this.chunk_size.get()))));
        }
        if encoder.is_finished() {
            let last = encoder.output.take_joined(1);
            return Poll::Ready(Ok((!last.is_empty()).then_some(last)));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S, E> Stream for EncodedStream<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    type Item = Result<Bytes, EncodedStreamError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.as_mut().project();
        let Some(mut encoder) = this.encoder.take() else {
            let panicked = std::mem::take(this.polling);
            *this.input = Bytes::new();
            return Poll::Ready(panicked.then_some(Err(EncodedStreamError::Panicked)));
        };
        *this.polling = true;
        let polled = self.as_mut().poll_chunk(cx, &mut encoder);
        let this = self.project();
        *this.polling = false;
        if encoder.is_finished() {
            let sha256 = encoder.hasher.as_ref().map(Sha256Hasher::finish);
            let bytes = *this.raw_bytes;
            *this.document = Some(RawDocument { bytes, sha256 });
        } else if matches!(polled, Poll::Ready(Err(_))) {
            *this.input = Bytes::new();
        } else {
            *this.encoder = Some(encoder);
        }
        let chunk = ready!(polled).transpose();
        if let Some(Ok(chunk)) = &chunk {
            *this.encoded_bytes += chunk.len() as u64;
        }
        Poll::Ready(chunk)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Not even one chunk is sure: the source may have no bytes, and identity adds none.
        (0, self.is_terminated().then_some(0))
    }
}

impl<S, E> FusedStream for EncodedStream<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    fn is_terminated(&self) -> bool {
        self.encoder.is_none() && !self.polling
    }
}

impl<S> fmt::Debug for EncodedStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncodedStream")
            .field("codec", &self.codec)
            .field("has_ended", &self.encoder.is_none())
            .field("raw_bytes", &self.raw_bytes)
            .field("encoded_bytes", &self.encoded_bytes)
            .finish_non_exhaustive()
    }
}

/// Why an [`EncodedStream`] ended before its document did.
///
/// It is the stream's last item: the chunks before it are not a complete encoding.
#[derive(Debug, Clone, thiserror::Error)]
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
