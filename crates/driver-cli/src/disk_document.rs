//! A stand-in for the document on disk, in memory, until that is merged.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chunked_writer::DEFAULT_CHUNK_SIZE;
use driver_streaming::{
    AuctionId, Document, DocumentError, DocumentStream, LengthFuture, skip_bytes,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::member_edits::MemberEdits;
use crate::member_rewriter::MemberRewriter;
use crate::raw_auction::RawAuction;
use crate::text_document::chunks;

#[derive(Clone, Default)]
struct State {
    pieces: Vec<Bytes>,
    end: Option<Result<(), String>>,
    id: Option<AuctionId>,
    deadline: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(crate) struct DiskDocument {
    state: watch::Receiver<State>,
    edits: MemberEdits,
    produced: Arc<AtomicU64>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("State")
    }
}

#[derive(Debug)]
pub(crate) struct DiskWriter {
    state: watch::Sender<State>,
    limit: u64,
    length: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentMistake {
    #[error("the auction is longer than {0} bytes")]
    TooLong(u64),
    #[error("{0}")]
    Json(String),
    #[error("the auction cannot be kept")]
    #[allow(dead_code, reason = "a stand-in")]
    Io(#[source] io::Error),
}

impl DiskDocument {
    #[allow(clippy::unnecessary_wraps, reason = "a stand-in")]
    pub(crate) fn arriving(limit: u64) -> io::Result<(DiskWriter, Self)> {
        let (sender, state) = watch::channel(State::default());
        let document = Self {
            state,
            edits: MemberEdits::default(),
            produced: Arc::default(),
        };
        Ok((
            DiskWriter {
                state: sender,
                limit,
                length: 0,
            },
            document,
        ))
    }

    pub(crate) fn with_edits(&self, edits: MemberEdits) -> Self {
        Self {
            edits,
            produced: Arc::default(),
            ..self.clone()
        }
    }

    pub(crate) fn id(&self) -> impl Future<Output = Option<AuctionId>> + Send + 'static {
        let mut state = self.state.clone();
        async move {
            let found = state.wait_for(|state| state.end.is_some()).await.ok()?;
            found.id.clone()
        }
    }

    pub(crate) fn deadline(&self) -> impl Future<Output = Option<Timestamp>> + Send + 'static {
        let mut state = self.state.clone();
        async move {
            let known = |state: &State| state.end.is_some() || state.deadline.is_some();
            let found = state.wait_for(known).await.ok()?;
            found.deadline
        }
    }
}

impl DiskWriter {
    #[allow(clippy::unused_async, reason = "a stand-in")]
    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), DocumentMistake> {
        self.length += piece.len() as u64;
        if self.length > self.limit {
            return Err(DocumentMistake::TooLong(self.limit));
        }
        let text = String::from_utf8_lossy(&piece).into_owned();
        self.state.send_modify(|state| {
            if let Some((_, rest)) = text.split_once("\"deadline\":\"") {
                state.deadline = rest.split('"').next().and_then(|at| at.parse().ok());
            }
            state.pieces.push(piece);
        });
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value, reason = "a stand-in")]
    pub(crate) fn finish(self) -> Result<u64, DocumentMistake> {
        let text = self.state.borrow().pieces.concat();
        let mistake =
            |error: crate::raw_auction::ParseError| DocumentMistake::Json(error.to_string());
        let id = RawAuction::parse(text).and_then(|auction| auction.id());
        let id = id.map_err(mistake)?;
        self.state.send_modify(|state| {
            state.end = Some(Ok(()));
            state.id = id;
        });
        Ok(self.length)
    }
}

impl Document for DiskDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let rewriter = MemberRewriter::new(self.edits.clone());
        let produced = Arc::clone(&self.produced);
        let start = (self.state.clone(), 0, Some(rewriter));
        let pieces = stream::try_unfold(start, |(mut state, index, rewriter)| async move {
            let Some(mut rewriter) = rewriter else {
                return Ok(None);
            };
            let next = {
                let ready = |state: &State| state.pieces.len() > index || state.end.is_some();
                let found = state.wait_for(ready).await;
                let found = found.map_err(|_| DocumentError::new("the document broke off"))?;
                found.pieces.get(index).cloned()
            };
            let mut output = VecDeque::new();
            let rewriter = match next {
                Some(piece) => {
                    rewriter
                        .push(&piece, &mut output)
                        .map_err(DocumentError::new)?;
                    Some(rewriter)
                }
                None => {
                    rewriter.finish().map_err(DocumentError::new)?;
                    None
                }
            };
            let pieces = stream::iter(output.into_iter().map(Ok));
            Ok(Some((pieces, (state, index + 1, rewriter))))
        });
        let pieces = pieces.try_flatten().inspect_ok(move |piece| {
            produced.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        Box::pin(chunks(
            skip_bytes(pieces.boxed(), offset),
            DEFAULT_CHUNK_SIZE,
        ))
    }

    fn bytes_produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    fn length(&self) -> LengthFuture {
        let lengths = Self::with_edits(self, self.edits.clone());
        let lengths = lengths.stream_from(0).map_ok(|piece| piece.len() as u64);
        Box::pin(lengths.try_fold(0, |sum, length| std::future::ready(Ok(sum + length))))
    }
}
