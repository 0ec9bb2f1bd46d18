use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, stream};
#[cfg(feature = "archive")]
use sha2::{Digest as _, Sha256};

use crate::observer::lock;

/// The length and SHA-256 of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentDigest {
    bytes: u64,
    sha256: [u8; 32],
}

impl DocumentDigest {
    /// Returns the length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the SHA-256 in lower-case hex.
    pub fn sha256(&self) -> String {
        let hex = self.sha256.iter().map(|byte| format!("{byte:02x}"));
        hex.collect()
    }

    /// Returns the SHA-256 as bytes.
    pub fn sha256_bytes(&self) -> [u8; 32] {
        self.sha256
    }
}

/// Digests a document once, however many productions it has, and whichever of them reach the end.
///
/// All productions of a document yield the same bytes, so any of them can continue the digest where another stopped.
/// A production starts where some reader has been before, hence never beyond what has been digested.
///
/// A pipeline digests what it sends by itself. This is for documents that are made from another one, whose digest they
/// return from [`Document::origin`](crate::Document::origin).
#[derive(Clone, Debug, Default)]
pub struct SharedDigest {
    frontier: Arc<Mutex<Frontier>>,
}

/// How far the document has been digested.
#[derive(Clone, Debug, Default)]
struct Frontier {
    offset: u64,
    #[cfg(feature = "archive")]
    hasher: Sha256,
    /// Whether that is the whole document.
    whole: bool,
}

impl SharedDigest {
    /// Creates one, if documents are to be digested and can be.
    pub(crate) fn if_enabled(enabled: bool) -> Option<Self> {
        (enabled && cfg!(feature = "archive")).then(Self::default)
    }

    /// Returns the digest once a production has reached the end.
    pub fn get(&self) -> Option<DocumentDigest> {
        self.with_tail(&[])
    }

    /// Returns the digest of the document with `tail` appended, once a production has reached the end.
    #[cfg(feature = "archive")]
    pub fn with_tail(&self, tail: &[u8]) -> Option<DocumentDigest> {
        let frontier = lock(&self.frontier);
        if !frontier.whole {
            return None;
        }
        let (mut hasher, bytes) = (frontier.hasher.clone(), frontier.offset);
        drop(frontier);
        hasher.update(tail);
        Some(DocumentDigest {
            bytes: bytes + tail.len() as u64,
            sha256: hasher.finalize().into(),
        })
    }

    /// Returns `None` without the feature `archive`.
    #[cfg(not(feature = "archive"))]
    pub fn with_tail(&self, _tail: &[u8]) -> Option<DocumentDigest> {
        None
    }

    /// Forwards a production that starts at `offset`, and digests what has not been digested yet.
    pub fn follow<S, E>(
        &self,
        production: S,
        offset: u64,
    ) -> impl Stream<Item = Result<Bytes, E>> + Unpin + use<S, E>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let (digest, mut production, mut offset) = (self.clone(), production, offset);
        let mut has_failed = false;
        stream::poll_fn(move |context| {
            let polled = production.poll_next_unpin(context);
            let mut frontier = lock(&digest.frontier);
            match &polled {
                Poll::Ready(Some(Ok(chunk))) => {
                    let known = frontier.offset.checked_sub(offset);
                    // What follows the end of another production is not this document.
                    let known = known.filter(|_| !frontier.whole);
                    offset += chunk.len() as u64;
                    let known = known.and_then(|known| usize::try_from(known).ok());
                    let new = known.and_then(|known| chunk.get(known..));
                    let new = new.unwrap_or_default();
                    #[cfg(feature = "archive")]
                    frontier.hasher.update(new);
                    frontier.offset += new.len() as u64;
                }
                // The end after an error is not the document's.
                Poll::Ready(Some(Err(_))) => has_failed = true,
                Poll::Ready(None) => frontier.whole |= !has_failed && frontier.offset == offset,
                Poll::Pending => {}
            }
            drop(frontier);
            polled
        })
    }
}

#[cfg(all(test, feature = "archive"))]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn pieces(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, &'static str>> + Unpin {
        stream::iter(pieces.to_vec()).map(|piece| match piece {
            "!" => Err("broken"),
            piece => Ok(Bytes::from_static(piece.as_bytes())),
        })
    }

    fn run(cell: &SharedDigest, offset: u64, text: &[&'static str]) {
        let _seen: Vec<_> = cell
            .follow(pieces(text), offset)
            .collect()
            .now_or_never()
            .unwrap();
    }

    #[test]
    fn is_known_after_a_good_end_only() {
        let cell = SharedDigest::default();
        let mut broken = cell.follow(pieces(&["abc", "!"]), 0);
        assert!(broken.next().now_or_never().unwrap().unwrap().is_ok());
        assert!(broken.next().now_or_never().unwrap().unwrap().is_err());
        assert!(broken.next().now_or_never().unwrap().is_none());
        assert_eq!(cell.get(), None);
        run(&cell, 0, &["a", "bc"]);
        let digest = cell.get().unwrap();
        assert_eq!((digest.bytes(), digest.sha256().as_str()), (3, ABC));
    }

    #[test]
    fn any_production_carries_it_on() {
        let cell = SharedDigest::default();
        let mut first = cell.follow(pieces(&["a", "b", "c"]), 0);
        let _a = first.next().now_or_never();
        let _b = first.next().now_or_never();
        drop(first);
        run(&cell, 1, &["bc"]);
        assert_eq!(cell.get().unwrap().sha256(), ABC);
        // One that comes later changes nothing, even if it goes on for longer.
        for later in [&["c"][..], &["c", "d"]] {
            run(&cell, 2, later);
            assert_eq!(cell.get().unwrap().sha256(), ABC);
        }
    }

    #[test]
    fn a_tail_is_digested_with_the_document() {
        let cell = SharedDigest::default();
        run(&cell, 0, &["a"]);
        assert_eq!(cell.with_tail(b"bc").unwrap().sha256(), ABC);
        assert_eq!(cell.with_tail(b"bc").unwrap().bytes(), 3);
        assert_eq!(cell.get().unwrap().bytes(), 1);
    }
}
