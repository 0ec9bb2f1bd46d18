use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use measured_body::{MeasuredBody, Measurements, Recorder};
use tee_stream::Branch;

use crate::announced_length::AnnouncedLength;
use crate::document::DocumentError;
use crate::observer::ReaderObservers;

/// The body of a request to a solver.
///
/// It is of exact size if the solver asks for a `Content-Length`, and of unknown size otherwise. It fails when the document
/// does: such a request must not end like a whole one.
///
/// After its first chunk it lets others run once: a client sends that chunk off instead of filling its buffer first, and
/// with many solvers the last one's first byte need not wait for all that the others could take at once.
pub struct RequestBody {
    body: MeasuredBody<AnnouncedLength<Branch<DocumentError>>, Report>,
    reader: ReaderObservers,
    start: Start,
}

/// How far a body has begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    NoChunk,
    OneChunk,
    Done,
}

impl RequestBody {
    /// What `branch` yields, of `length` if that is announced. Of what happens to it, `record` keeps a note.
    pub(crate) fn new(
        branch: Branch<DocumentError>,
        length: Option<u64>,
        record: Arc<RequestRecord>,
        reader: ReaderObservers,
    ) -> Self {
        let report = Report {
            record,
            reader: reader.clone(),
        };
        Self {
            body: MeasuredBody::new(AnnouncedLength::new(branch, length), report),
            reader,
            start: Start::NoChunk,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.start == Start::OneChunk {
            self.start = Start::Done;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        if let Ok(frame) = &frame {
            self.reader.taken(frame.data_ref().map_or(0, Bytes::len));
            if self.start == Start::NoChunk {
                self.start = Start::OneChunk;
            }
        }
        Poll::Ready(Some(frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestBody")
            .field("size", &self.size_hint())
            .finish_non_exhaustive()
    }
}

/// What is known of the requests to one solver, while they are made.
#[derive(Debug, Default)]
pub(crate) struct RequestRecord {
    attempts: AtomicU32,
    last: Mutex<Option<Measurements>>,
}

impl RequestRecord {
    /// Another attempt begins.
    pub(crate) fn begin(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        *self.lock() = None;
    }

    /// How many have begun.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// What happened to the body of the last, once that has ended.
    pub(crate) fn measurements(&self) -> Option<Measurements> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Measurements>> {
        // No code of others runs while it is held.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is told how a body has ended.
struct Report {
    record: Arc<RequestRecord>,
    reader: ReaderObservers,
}

impl Recorder for Report {
    fn record(self, measurements: &Measurements) {
        *self.record.lock() = Some(measurements.clone());
        self.reader
            .notify(|observer, solver| observer.body_ended(solver, measurements));
    }
}

#[cfg(test)]
mod tests {
    use chunked_writer::JsonDocument;
    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    use measured_body::ProductionMeter;
    use tee_stream::BranchOptions;

    use super::*;
    use crate::observer::Observers;
    use crate::shared_document::SharedDocument;

    #[tokio::test]
    async fn after_its_first_chunk_it_lets_others_run_once() {
        let text = "x".repeat(3 * 64 * 1024 - 2);
        let document = Arc::new(JsonDocument::new(text));
        let shared = SharedDocument::new(document, &ProductionMeter::new(), 1 << 20, false);
        let branch = shared.tee().branch_with(BranchOptions::new());
        let record = Arc::new(RequestRecord::default());
        record.begin();
        let mut body =
            RequestBody::new(branch, None, Arc::clone(&record), Observers::new([]).of(0));
        let polls = std::iter::from_fn(|| match body.frame().now_or_never() {
            None => Some(None),
            Some(Some(frame)) => Some(Some(frame.unwrap().into_data().unwrap().len())),
            Some(None) => None,
        });
        let found: Vec<_> = polls.collect();
        let chunk = Some(64 * 1024);
        assert_eq!(found, [chunk, None, chunk, chunk]);
        assert_eq!(record.attempts(), 1);
        assert_eq!(record.measurements().unwrap().bytes, 3 * 64 * 1024);
    }
}
