use bytes::Bytes;
use driver_streaming::{Document, DocumentError, DocumentStream, LengthFuture};
use futures_util::{StreamExt, stream};

const CHUNK: usize = 64 * 1024;

/// A document of known bytes, which may fail or pause for good before its end.
pub(crate) struct ScriptedDocument {
    content: Bytes,
    fails_at: Option<usize>,
    pauses_at: Option<usize>,
}

impl ScriptedDocument {
    /// One that goes well.
    pub(crate) fn new(content: Bytes) -> Self {
        Self {
            content,
            fails_at: None,
            pauses_at: None,
        }
    }

    /// One whose productions fail after so many bytes. Its length can be counted all the same.
    pub(crate) fn failing_at(content: Bytes, bytes: usize) -> Self {
        Self {
            fails_at: Some(bytes),
            ..Self::new(content)
        }
    }

    /// One whose productions come to a halt after so many bytes.
    pub(crate) fn pausing_at(content: Bytes, bytes: usize) -> Self {
        Self {
            pauses_at: Some(bytes),
            ..Self::new(content)
        }
    }
}

impl Document for ScriptedDocument {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        let content = self.content.clone();
        let fails_at = self.fails_at.unwrap_or(usize::MAX);
        let start = usize::try_from(offset).expect("it is not that long");
        let chunks = (start..content.len()).step_by(CHUNK).map(move |start| {
            let end = content.len().min(start + CHUNK);
            if end > fails_at {
                return Err(DocumentError::new("the source is broken"));
            }
            Ok(content.slice(start..end))
        });
        match self.pauses_at {
            None => Box::pin(stream::iter(chunks)),
            Some(bytes) => {
                let before = chunks.take(bytes.saturating_sub(start).div_ceil(CHUNK));
                Box::pin(stream::iter(before).chain(stream::pending()))
            }
        }
    }

    fn length(&self) -> LengthFuture {
        let length = self.content.len() as u64;
        Box::pin(async move { Ok(length) })
    }
}
