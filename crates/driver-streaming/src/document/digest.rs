use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use sha2::{Digest as _, Sha256};

/// The length and SHA-256 of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentDigest {
    bytes: u64,
    sha256: [u8; 32],
}

impl DocumentDigest {
    /// The length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The SHA-256 in lower-case hex.
    pub fn sha256(&self) -> String {
        use fmt::Write as _;
        self.sha256
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                let _infallible = write!(hex, "{byte:02x}");
                hex
            })
    }
}

/// Holds the digest of a document once one production of it has ended well.
#[derive(Clone, Debug, Default)]
pub(crate) struct DigestCell {
    found: Arc<OnceLock<DocumentDigest>>,
}

impl DigestCell {
    /// The digest, unless no production has ended well yet.
    pub(crate) fn get(&self) -> Option<DocumentDigest> {
        self.found.get().copied()
    }

    /// Passes on a production from byte 0, digesting it.
    pub(crate) fn follow<S>(&self, production: S) -> Digested<S> {
        Digested {
            production,
            hasher: Sha256::new(),
            bytes: 0,
            cell: self.clone(),
        }
    }
}

/// A production that is digested as it passes.
pub(crate) struct Digested<S> {
    production: S,
    hasher: Sha256,
    bytes: u64,
    cell: DigestCell,
}

impl<S, E> Stream for Digested<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.production).poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                self.hasher.update(chunk);
                self.bytes += chunk.len() as u64;
            }
            Poll::Ready(None) => {
                let digest = DocumentDigest {
                    bytes: self.bytes,
                    sha256: self.hasher.finalize_reset().into(),
                };
                // Another production may have been first: the document is the same.
                let _first = self.cell.found.set(digest);
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.production.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn is_known_after_a_good_end_only() {
        let cell = DigestCell::default();
        let failing = stream::iter([Ok(Bytes::from_static(b"abc")), Err("broken")]);
        let seen: Vec<_> = cell.follow(failing).take(2).collect().await;
        assert_eq!(seen.len(), 2);
        assert_eq!(cell.get(), None);

        let whole = stream::iter([
            Ok::<_, ()>(Bytes::from_static(b"a")),
            Ok(Bytes::from_static(b"bc")),
        ]);
        let seen: Vec<_> = cell.follow(whole).collect().await;
        assert_eq!(seen.len(), 2);
        let digest = cell.get().unwrap();
        assert_eq!(digest.bytes(), 3);
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            digest.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
