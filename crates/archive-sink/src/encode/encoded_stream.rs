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

use super::{
    block_buffer::BlockBuffer,
    compressor::{Compressor, Progress},
};
use crate::codec::{Codec, CodecError};

/// How large chunks are by default: 64 KiB.
const CHUNK_BYTES: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

/// After this many empty chunks in a row, a poll yields.
pub(crate) const EMPTY_CHUNKS_PER_POLL: usize = 32;

pin_project! {
    /// A stream of raw chunks, encoded: compressed as an archive would store it, in exact chunks.
    ///
    /// Every chunk but the last has the size that was asked for, 64 KiB by default, and none is
    /// empty. The bytes depend on the document, the codec and its level alone: not on how the source
    /// is cut, when it has something, or how large the chunks are. They are the bytes of the object
    /// that an [`ArchiveWriter`](crate::ArchiveWriter) with that codec stores, but for the digest at its end, so one
    /// encoding can be sent elsewhere and [archived](crate::Archive::create_encoded); and a document that can be produced again
    /// can be encoded again, identically, by the same build of the same version.
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
    /// With `None` when the source has ended and the codec has written its trailer. With an error, once,
    /// and then `None`, when the source fails, or when an earlier poll panicked. Then the trailer is not
    /// written, and what was short of a chunk is dropped: a document that is not whole never looks whole,
    /// though for identity only the error says so. After either, the source is not polled again.
    ///
    /// # Cost
    ///
    /// One poll gives the codec at most one block of 16 KiB and works on at most one block of the codec's
    /// (128 KiB for zstd), also at the end; if that fills no chunk, it wakes its task and returns
    /// `Pending`.
    ///
    /// Memory: the chunk that is being filled, 32 KiB before and behind the codec, what is left of the
    /// source's last chunk, and the codec, which are freed at the end. A chunk that was handed out has
    /// memory of its own, of its own size.
    ///
    /// # Cancel safety
    ///
    /// A poll that is pending has lost nothing. Dropping the stream drops the source.
    #[must_use = "streams do nothing unless polled"]
    pub struct EncodedStream<S> {
        #[pin]
        source: S,
        codec: Codec,
        state: State,
        input: Bytes,
        raw_bytes: u64,
        encoded_bytes: u64,
    }
}

enum State {
    Encoding(Box<Encoding>),
    /// Left behind when a poll panics.
    Polling,
    Ended,
}

impl<S> EncodedStream<S> {
    /// Encodes `source` with `codec`, in chunks of 64 KiB.
    ///
    /// # Errors
    ///
    /// When the codec is not compiled, or its level is one that it does not have.
    pub fn new(source: S, codec: Codec) -> Result<Self, CodecError> {
        let encoding = Encoding {
            compressor: Compressor::new(codec)?,
            chunk: BlockBuffer::new(CHUNK_BYTES.get()),
            chunk_size: CHUNK_BYTES,
            document_ended: false,
        };
        Ok(Self {
            source,
            codec,
            state: State::Encoding(Box::new(encoding)),
            input: Bytes::new(),
            raw_bytes: 0,
            encoded_bytes: 0,
        })
    }

    /// Chunks of this size, but for the last. A chunk that is being filled keeps the size that it has.
    ///
    /// Chunks above 64 KiB are collected in blocks and then joined, so the size bounds memory, but is not
    /// allocated up front.
    pub fn with_chunk_size(mut self, bytes: NonZeroUsize) -> Self {
        if let State::Encoding(encoding) = &mut self.state {
            encoding.chunk_size = bytes;
            if encoding.chunk.len() == 0 {
                encoding.chunk = BlockBuffer::new(bytes.get());
            }
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

    /// The stream of raw chunks.
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// The stream of raw chunks. What is taken from it here is missing in the encoding.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// The stream of raw chunks. What was taken from it and not handed out is lost.
    pub fn into_inner(self) -> S {
        self.source
    }

    /// Lets go of the codec and of what it was given.
    fn end(self: Pin<&mut Self>) {
        let this = self.project();
        *this.state = State::Ended;
        *this.input = Bytes::new();
    }
}

impl<S, E> EncodedStream<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    /// Fills a block, if none is waiting, and encodes it.
    fn poll_step(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoding: &mut Encoding,
    ) -> Poll<Result<Step, EncodedStreamError<E>>> {
        let mut this = self.project();
        let mut empty_chunks = 0;
        while !encoding.is_ready() {
            if !this.input.is_empty() {
                *this.raw_bytes += encoding.compressor.stage_chunk(this.input) as u64;
                continue;
            }
            if empty_chunks == EMPTY_CHUNKS_PER_POLL {
                return Poll::Ready(Ok(Step::Yields));
            }
            match ready!(this.source.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => {
                    empty_chunks += usize::from(chunk.is_empty());
                    *this.input = chunk;
                }
                Some(Err(error)) => return Poll::Ready(Err(EncodedStreamError::Source(error))),
                None => encoding.document_ended = true,
            }
        }
        let step = encoding.step();
        Poll::Ready(step.map_err(|error| EncodedStreamError::Encode(Arc::new(error))))
    }
}

impl<S, E> Stream for EncodedStream<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    type Item = Result<Bytes, EncodedStreamError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let state = self.as_mut().project().state;
        let mut encoding = match std::mem::replace(state, State::Polling) {
            State::Encoding(encoding) => encoding,
            State::Polling => {
                self.as_mut().end();
                return Poll::Ready(Some(Err(EncodedStreamError::Panicked)));
            }
            State::Ended => {
                *state = State::Ended;
                return Poll::Ready(None);
            }
        };
        let polled = self.as_mut().poll_step(cx, &mut encoding);
        if let Poll::Ready(Err(_) | Ok(Step::Ended(_))) = polled {
            self.as_mut().end();
        } else {
            *self.as_mut().project().state = State::Encoding(encoding);
        }
        let chunk = match ready!(polled) {
            Ok(Step::Chunk(chunk)) => Some(chunk),
            Ok(Step::Ended(last)) => last,
            Ok(Step::Yields) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        *self.project().encoded_bytes += chunk.as_ref().map_or(0, Bytes::len) as u64;
        Poll::Ready(chunk.map(Ok))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.state {
            State::Ended => (0, Some(0)),
            // Not even one chunk is sure: the source may have no bytes, and identity adds none.
            State::Encoding(_) | State::Polling => (0, None),
        }
    }
}

impl<S, E> FusedStream for EncodedStream<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl<S> fmt::Debug for EncodedStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncodedStream")
            .field("codec", &self.codec)
            .field("has_ended", &matches!(self.state, State::Ended))
            .field("raw_bytes", &self.raw_bytes)
            .field("encoded_bytes", &self.encoded_bytes)
            .finish_non_exhaustive()
    }
}

/// An encoding on its way: raw bytes in, chunks out. It gives the compressor what an
/// [`ArchiveWriter`](crate::ArchiveWriter) gives it, in the same order: full blocks, the last one, the
/// end. So the bytes are the same, too.
struct Encoding {
    compressor: Compressor,
    chunk: BlockBuffer,
    chunk_size: NonZeroUsize,
    document_ended: bool,
}

/// What one [`Encoding::step`] came to.
enum Step {
    /// A full chunk, and there may be more.
    Chunk(Bytes),
    /// Nothing to hand out yet, but it can go on at once.
    Yields,
    /// All is encoded. What is left for a last chunk, if anything, is here.
    Ended(Option<Bytes>),
}

impl Encoding {
    /// Whether it has a full block to encode, or the document's end. Otherwise it takes input.
    fn is_ready(&self) -> bool {
        self.document_ended || self.compressor.is_block_full()
    }

    /// Encodes what is left of one block, or finishes the codec, as far as the chunk has room.
    ///
    /// Only when it [is ready](Self::is_ready), and not again once it has ended.
    fn step(&mut self) -> io::Result<Step> {
        let finishing = self.compressor.staged().is_empty();
        let progress = if finishing {
            self.compressor.finish(&mut self.chunk)?
        } else {
            self.compressor.encode(&mut self.chunk)?
        };
        let is_full = self.chunk.is_full();
        Ok(match progress {
            Progress::Done if finishing => {
                Step::Ended((self.chunk.len() > 0).then(|| self.take_chunk()))
            }
            Progress::Done if !is_full => Step::Yields,
            Progress::Done | Progress::OutputFull => Step::Chunk(self.take_chunk()),
        })
    }

    fn take_chunk(&mut self) -> Bytes {
        self.chunk.take_joined(self.chunk_size.get())
    }
}

/// Why an [`EncodedStream`] ended before its document did.
///
/// It is the stream's last item: what came before is no whole encoding.
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
