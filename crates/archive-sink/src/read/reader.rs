use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream, stream::BoxStream};
use object_store::{Error as StoreError, path::Path};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::{
    decompressor::{Decompressor, Step},
    error::{ReadError, ReadErrorKind},
    open::{ObjectVersion, Opened},
    verify::{ReadLimit, Verifier},
};
use crate::{
    codec::CodecKind,
    digest::Sha256Digest,
    digest_place::{self, TRAILER_BYTES_AT_MOST},
    metadata,
};

/// The largest chunk that a reader yields: 64 KiB.
const CHUNK_BYTES: usize = 64 * 1024;

/// This many empty chunks in a row mean that no more will come: a local file that is cut off while it is read would send
/// them for ever.
const EMPTY_CHUNKS_AT_MOST: usize = 32;

/// Reads an object's raw document, decompressed on the fly, and checks it.
///
/// Created by [`Archive::open`](crate::Archive::open). It is a [`Stream`] of chunks of up to 64 KiB, an [`AsyncRead`] and an
/// [`AsyncBufRead`], which share one position.
///
/// # What is checked
///
/// The codec's own checksum and end, the stored length, and the raw length and SHA-256, which every object of this crate has
/// in its metadata, at its end, or beside it. An object without them is read with a warning; [`verified`](Self::verified)
/// says which it was. Most of this is known only at the end, so an error may follow the last chunk: a document is good when
/// the stream has *ended*, not before. After an error the stream has ended; reads keep failing.
///
/// # Cost
///
/// Constant memory: one chunk of the store's, one of 64 KiB, and the decoder's window. The window has 32 KiB for gzip
/// (RFC 1951, section 2), up to 16 MiB for brotli (RFC 7932, section 9.1), and up to 128 MiB for Zstandard
/// (`ZSTD_WINDOWLOG_LIMIT_DEFAULT` in zstd.h), of which objects of this crate need at most 8. One poll decodes at most 16 KiB
/// of stored bytes into at most 64 KiB.
///
/// # Cancel safety
///
/// A pending poll has taken nothing. Dropping a reader cancels its request.
pub struct ArchiveReader {
    version: ObjectVersion,
    codec: CodecKind,
    content: BoxStream<'static, Result<Bytes, StoreError>>,
    input: Bytes,
    /// How many chunks without bytes have come in a row.
    empty_chunks: usize,
    /// `None` if the stored bytes are yielded as they are.
    decompressor: Option<Decompressor>,
    output: Vec<u8>,
    verifier: Verifier,
    verified: Option<Sha256Digest>,
    /// The last stored bytes, as many as a trailer may have.
    end: Vec<u8>,
    offset: u64,
    /// Decoded, but not yet read through `AsyncRead`.
    unread: Bytes,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// Left behind when a poll panics.
    Polling,
    Ended,
    Failed,
}

impl fmt::Debug for ArchiveReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ArchiveReader")
            .field("location", self.location())
            .field("codec", &self.codec)
            .field("offset", &self.offset)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl ArchiveReader {
    /// `digest` is the raw document's, if known.
    pub(crate) fn decoded(
        opened: Opened,
        digest: Option<Sha256Digest>,
        limit: ReadLimit,
    ) -> Result<Self, ReadError> {
        let codec = opened.codec()?;
        let decompressor = match codec {
            CodecKind::Identity => None,
            kind => Some(Decompressor::new(kind).ok_or_else(|| {
                let kind = ReadErrorKind::CodecNotCompiled(kind);
                ReadError::new(&opened.version.location, kind)
            })?),
        };
        let verifier = Verifier::new(
            limit.for_stored(opened.version.size),
            metadata::raw_bytes(&opened.attributes),
            digest,
        );
        Ok(Self::new(opened, codec, decompressor, verifier))
    }

    pub(crate) fn stored(opened: Opened) -> Result<Self, ReadError> {
        let codec = opened.codec()?;
        Ok(Self::new(opened, codec, None, Verifier::nothing()))
    }

    fn new(
        opened: Opened,
        codec: CodecKind,
        decompressor: Option<Decompressor>,
        verifier: Verifier,
    ) -> Self {
        Self {
            version: opened.version,
            codec,
            content: opened.content,
            input: Bytes::new(),
            empty_chunks: 0,
            decompressor,
            output: Vec::new(),
            verifier,
            verified: None,
            end: Vec::new(),
            offset: 0,
            unread: Bytes::new(),
            state: State::Reading,
        }
    }

    /// Where the object is, with its extension.
    pub fn location(&self) -> &Path {
        &self.version.location
    }

    /// The object as it is now, for opening it [once more](crate::Archive::open_version).
    pub fn version(&self) -> &ObjectVersion {
        &self.version
    }

    /// How the object is encoded.
    pub fn codec(&self) -> CodecKind {
        self.codec
    }

    /// The object's length.
    pub fn stored_length(&self) -> u64 {
        self.version.size
    }

    /// The raw document's length, if it is known before the end: for identity, and for objects with it in their metadata.
    pub fn raw_length(&self) -> Option<u64> {
        match self.codec {
            CodecKind::Identity => Some(self.version.size),
            _ => self.verifier.expected_bytes,
        }
    }

    /// How many raw bytes have been decoded so far.
    pub fn raw_bytes(&self) -> u64 {
        self.verifier.raw_bytes
    }

    /// The SHA-256 that the raw document was checked against. `None` before the end of the document, and for an object
    /// without one, which cannot be verified.
    pub fn verified(&self) -> Option<Sha256Digest> {
        self.verified
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        match self.state {
            State::Ended | State::Failed => return Poll::Ready(None),
            State::Polling => {
                self.state = State::Failed;
                let panicked = ReadError::new(self.location(), ReadErrorKind::Panicked);
                return Poll::Ready(Some(Err(panicked)));
            }
            State::Reading => self.state = State::Polling,
        }
        let polled = self.poll_decoded(cx);
        self.state = match &polled {
            Poll::Ready(Err(_)) => State::Failed,
            Poll::Ready(Ok(None)) => State::Ended,
            _ => State::Reading,
        };
        let polled = polled.map_err(|kind| ReadError::new(self.location(), kind));
        polled.map(Result::transpose)
    }

    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ReadErrorKind>> {
        loop {
            match self.decode()? {
                Decoded::Chunk(chunk) => return Poll::Ready(Ok(Some(chunk))),
                Decoded::Yields => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Decoded::NeedsInput => {}
            }
            if !ready!(self.poll_input(cx))? {
                self.finish()?;
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// Decodes a chunk from the input.
    fn decode(&mut self) -> Result<Decoded, ReadErrorKind> {
        let Some(decompressor) = &mut self.decompressor else {
            if self.input.is_empty() {
                return Ok(Decoded::NeedsInput);
            }
            let chunk = self.input.split_to(self.input.len().min(CHUNK_BYTES));
            self.verifier.update(&chunk)?;
            return Ok(Decoded::Chunk(chunk));
        };
        if self.output.is_empty() {
            self.output = vec![0; CHUNK_BYTES];
        }
        let offset = self.offset - self.input.len() as u64;
        let step = decompressor.step(&mut self.input, &mut self.output);
        match step.map_err(|source| ReadErrorKind::Decode { offset, source })? {
            Step::NeedsInput => Ok(Decoded::NeedsInput),
            Step::Yields => Ok(Decoded::Yields),
            Step::TrailingData => Err(ReadErrorKind::TrailingData { offset }),
            Step::Wrote(written) => {
                self.verifier.update(&self.output[..written])?;
                // A chunk must not keep much more memory than it has bytes.
                let chunk = if written < CHUNK_BYTES / 2 {
                    Bytes::copy_from_slice(&self.output[..written])
                } else {
                    let mut output = std::mem::take(&mut self.output);
                    output.truncate(written);
                    output.into()
                };
                Ok(Decoded::Chunk(chunk))
            }
        }
    }

    /// Gets more stored bytes, and returns whether there are any.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, ReadErrorKind>> {
        while self.empty_chunks < EMPTY_CHUNKS_AT_MOST {
            match ready!(self.content.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) if chunk.is_empty() => self.empty_chunks += 1,
                Some(Ok(chunk)) => {
                    self.empty_chunks = 0;
                    self.offset += chunk.len() as u64;
                    if self.offset > self.version.size {
                        return Poll::Ready(Err(ReadErrorKind::TrailingData {
                            offset: self.version.size,
                        }));
                    }
                    self.end
                        .extend(&chunk[chunk.len().saturating_sub(TRAILER_BYTES_AT_MOST)..]);
                    let before = self.end.len().saturating_sub(TRAILER_BYTES_AT_MOST);
                    self.end.drain(..before);
                    self.input = chunk;
                    return Poll::Ready(Ok(true));
                }
                Some(Err(source)) => {
                    return Poll::Ready(Err(ReadErrorKind::Store {
                        offset: self.offset,
                        source,
                    }));
                }
                None => return Poll::Ready(Ok(false)),
            }
        }
        Poll::Ready(Err(self.truncated()))
    }

    /// Checks that the object is complete, after all stored bytes have been decoded.
    fn finish(&mut self) -> Result<(), ReadErrorKind> {
        if self.offset < self.version.size {
            return Err(self.truncated());
        }
        if self
            .decompressor
            .as_ref()
            .is_some_and(|decompressor| !decompressor.may_end())
        {
            return Err(ReadErrorKind::Incomplete {
                codec: self.codec,
                offset: self.offset,
            });
        }
        let trailer = digest_place::parse(self.codec, &self.end);
        self.verified = self.verifier.finish(self.location(), trailer)?;
        Ok(())
    }

    fn truncated(&self) -> ReadErrorKind {
        ReadErrorKind::Truncated {
            offset: self.offset,
            expected: self.version.size,
        }
    }
}

enum Decoded {
    Chunk(Bytes),
    NeedsInput,
    Yields,
}

impl Stream for ArchiveReader {
    type Item = Result<Bytes, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !this.unread.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.unread))));
        }
        this.poll_chunk(cx)
    }
}

impl FusedStream for ArchiveReader {
    fn is_terminated(&self) -> bool {
        self.unread.is_empty() && matches!(self.state, State::Ended | State::Failed)
    }
}

impl AsyncBufRead for ArchiveReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.unread.is_empty() {
            if this.state == State::Failed {
                // An earlier poll has reported the failure. This must not look like a clean end.
                let location = this.location();
                let failed = format!("an earlier read of {location} failed");
                return Poll::Ready(Err(io::Error::other(failed)));
            }
            if let Some(chunk) = ready!(this.poll_chunk(cx)) {
                this.unread = chunk?;
            }
        }
        Poll::Ready(Ok(&this.unread))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().unread.advance(amount);
    }
}

impl AsyncRead for ArchiveReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let chunk = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = chunk.len().min(buffer.remaining());
        buffer.put_slice(&chunk[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}
