use std::sync::Arc;

use bytes::Bytes;
use driver_streaming::{Document, DocumentDigest, DocumentError, DocumentStream, LengthFuture};
use futures_util::stream::{self, StreamExt};

use crate::plan::Broken;

/// What a planned panic says, so that it is told from others.
pub(crate) const PLANNED: &str = "planned: ";

/// Another document, which may have a fault.
pub(super) struct Breaking {
    pub(super) inner: Arc<dyn Document>,
    /// What is wrong, and after which byte.
    pub(super) fault: Option<(Broken, u64)>,
}

impl Document for Breaking {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let panics = match self.fault {
            Some((Broken::PanicAtOnce, _)) => panic!("{PLANNED}asked for a stream"),
            Some((Broken::Panic, at)) => Some((true, at)),
            Some((Broken::Error, at)) => Some((false, at)),
            _ => None,
        };
        let inner = self.inner.stream_from(offset);
        match panics {
            None => inner,
            Some((panics, at)) => Box::pin(broken_off(inner, at.saturating_sub(offset), panics)),
        }
    }

    fn length(&self) -> LengthFuture {
        let length = self.inner.length();
        match self.fault {
            Some((Broken::PanicInLength, _)) => panic!("{PLANNED}asked for the length"),
            Some((Broken::WrongLength(by), _)) => {
                Box::pin(async move { Ok(length.await?.saturating_add_signed(by)) })
            }
            _ => length,
        }
    }

    fn origin(&self) -> Option<DocumentDigest> {
        self.inner.origin()
    }
}

/// The first bytes of `inner`, as far as there are so many, and then an error or a panic.
fn broken_off(
    inner: DocumentStream,
    bytes: u64,
    panics: bool,
) -> impl futures_core::Stream<Item = Result<Bytes, DocumentError>> + Send {
    let state = (inner, Some(bytes));
    stream::unfold(state, move |(mut inner, left)| async move {
        let left = left?;
        let next = if left == 0 { None } else { inner.next().await };
        match next {
            Some(Ok(mut chunk)) => {
                chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - chunk.len() as u64;
                Some((Ok(chunk), (inner, Some(left))))
            }
            Some(Err(error)) => Some((Err(error), (inner, None))),
            None if panics => panic!("{PLANNED}half-way"),
            None => {
                let error = DocumentError::new(format!("{PLANNED}half-way"));
                Some((Err(error), (inner, None)))
            }
        }
    })
}
