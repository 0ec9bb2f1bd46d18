use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use measured_body::{Ending, MeasuredBody, Measurements, Recorder};
use tee_stream::Branch;
use tokio::time::Instant;

use crate::document::{BoxError, DocumentError};
use crate::observer::{ReaderObservers, Stage, lock};

/// The body of a request to a solver.
///
/// Its size is exact if the solver asks for a `Content-Length`, and unknown otherwise. It fails if the document
/// does: such a request must not end like a complete one.
///
/// After its first chunk it yields once. A client then sends that chunk instead of filling its buffer first, and
/// with many solvers the last one's first byte does not wait for all that the others could take at once.
pub struct RequestBody {
    body: MeasuredBody<AnnouncedLength<Branch<DocumentError>>, Report>,
    record: Arc<RequestRecord>,
    has_begun: bool,
    /// Whether the next poll yields.
    yields: bool,
}

impl RequestBody {
    /// Creates a body of what `branch` yields, with an announced `length` if there is one.
    pub(crate) fn new(
        branch: Branch<DocumentError>,
        length: Option<u64>,
        record: Arc<RequestRecord>,
    ) -> Self {
        let report = Report(Arc::clone(&record), Instant::now());
        Self {
            body: MeasuredBody::new(AnnouncedLength::new(branch, length), report),
            record,
            has_begun: false,
            yields: false,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::take(&mut self.yields) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let reader = &self.record.reader;
            reader.notify(|observer, solver| observer.waits_for_data(solver));
            return Poll::Pending;
        };
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.record.reader.taken(bytes);
            self.yields = !std::mem::replace(&mut self.has_begun, true);
        }
        Poll::Ready(frame)
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

/// What is known of the requests to one solver while they are made, and their observers.
pub(crate) struct RequestRecord {
    pub(crate) reader: ReaderObservers,
    known: Mutex<Known>,
}

/// What is known of the requests to one solver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// How many have begun.
    pub(crate) attempts: u32,
    /// The measurements of the last one's body, once it has ended.
    pub(crate) last: Option<Measurements>,
    /// When all of it had been taken.
    pub(crate) delivered: Option<Instant>,
    /// When the last one's answer began, or it ended without one.
    pub(crate) answered: Option<Instant>,
    /// The status of that answer.
    pub(crate) status: Option<StatusCode>,
    /// How long branches that have ended waited for other readers.
    pub(crate) waited: Duration,
    /// How long other readers waited for them.
    pub(crate) waited_for: Duration,
}

impl RequestRecord {
    pub(crate) fn new(reader: ReaderObservers) -> Self {
        let known = Mutex::default();
        Self { reader, known }
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    /// Another request begins.
    pub(crate) fn begin(&self) {
        let mut known = self.known();
        known.attempts += 1;
        (known.last, known.delivered) = (None, None);
        (known.answered, known.status) = (None, None);
    }

    /// The answer to the last request begins.
    pub(crate) fn answer_begins(&self, status: StatusCode) {
        let mut known = self.known();
        (known.answered, known.status) = (Some(Instant::now()), Some(status));
        drop(known);
        self.reader.entered(Stage::Answering);
    }

    /// The last request has ended. Returns what is known.
    pub(crate) fn end(&self) -> Known {
        let mut known = self.known();
        known.answered.get_or_insert_with(Instant::now);
        known.clone()
    }

    /// Returns how the body of the last request has ended, if it has.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.known().last.as_ref().map(|found| found.ending)
    }
}

/// Records how a body that was created at an instant has ended.
struct Report(Arc<RequestRecord>, Instant);

impl Recorder for Report {
    fn record(self, measurements: &Measurements) {
        let Self(record, created) = self;
        let mut known = record.known();
        known.last = Some(measurements.clone());
        let is_whole = measurements.ending.is_whole();
        known.delivered = is_whole.then(|| created + measurements.total);
        let reader = &record.reader;
        reader.notify(|observer, solver| observer.body_ended(solver, measurements));
        // Under the lock: an answer that begins, or the end, comes after it.
        if is_whole && known.answered.is_none() {
            reader.entered(Stage::Thinking);
        }
    }
}

/// A body with an announced length: it ends with exactly that many bytes, or with an error.
///
/// An HTTP client stops at the announced length and takes the body for complete. So the last bytes are held back until the
/// inner body has ended there.
///
/// Without an announced length its size is unknown, even if the inner body knows it. That depends on how far other readers
/// are, and a request's framing must not.
pub(crate) struct AnnouncedLength<B> {
    inner: B,
    /// `None` without an announcement.
    left: Option<u64>,
    /// What may be the last bytes.
    last: Option<Bytes>,
    failed: bool,
}

impl<B> AnnouncedLength<B> {
    pub(crate) fn new(inner: B, length: Option<u64>) -> Self {
        Self {
            inner,
            left: length,
            last: None,
            failed: false,
        }
    }

    fn fail(&mut self, error: impl Into<BoxError>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.failed = true;
        self.last = None;
        Poll::Ready(Some(Err(error.into())))
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B> Body for AnnouncedLength<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some(left) = &mut this.left else {
            let polled = ready!(Pin::new(&mut this.inner).poll_frame(context));
            return Poll::Ready(polled.map(|frame| frame.map_err(Into::into)));
        };
        if this.failed {
            return Poll::Ready(None);
        }
        loop {
            let frame = match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return this.fail(error),
                None => {
                    let held = this.last.take();
                    let missing = *left - held.as_ref().map_or(0, |last| last.len() as u64);
                    if missing > 0 {
                        return this.fail(format!("the document ended {missing} bytes short of the length that was counted"));
                    }
                    *left = 0;
                    return Poll::Ready(held.map(|last| Ok(Frame::data(last))));
                }
            };
            // Documents have no trailers.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.is_empty() {
                continue;
            }
            let length = data.len() as u64;
            if this.last.is_some() || length > *left {
                return this.fail("the document is longer than the length that was counted");
            }
            if length == *left {
                this.last = Some(data);
                continue;
            }
            *left -= length;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.left {
            Some(left) => left == 0 && !self.failed,
            None => self.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

#[cfg(test)]
mod request_body_tests {
    use chunked_writer::JsonDocument;
    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    use tee_stream::Tee;

    use super::*;
    use crate::document::Document;
    use crate::observer::Observers;

    #[tokio::test]
    async fn after_its_first_chunk_it_lets_others_run_once() {
        let text = "x".repeat(3 * 64 * 1024 - 2);
        let document = JsonDocument::new(text);
        let branch = Tee::new(Document::stream_from(&document, 0)).branch();
        let nobody = ReaderObservers::new(&Observers::from([]), 0);
        let record = Arc::new(RequestRecord::new(nobody));
        let mut body = RequestBody::new(branch, None, Arc::clone(&record));
        let polls = std::iter::from_fn(|| match body.frame().now_or_never() {
            None => Some(None),
            Some(Some(frame)) => Some(Some(frame.unwrap().into_data().unwrap().len())),
            Some(None) => None,
        });
        let found: Vec<_> = polls.collect();
        assert!(body.is_end_stream());
        let chunk = Some(64 * 1024);
        assert_eq!(found, [chunk, None, chunk, chunk]);
        let measured = record.known().last.clone();
        assert_eq!(measured.unwrap().bytes, 3 * 64 * 1024);
    }
}

#[cfg(test)]
mod announced_length_tests {
    use futures_util::{FutureExt, StreamExt, stream};
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn read(pieces: &[&'static str], length: u64) -> (String, Option<String>) {
        let frames = stream::iter(pieces.to_vec()).map(|piece| match piece {
            "!" => Err("broken"),
            piece => Ok(Frame::data(Bytes::from_static(piece.as_bytes()))),
        });
        let mut body = AnnouncedLength::new(StreamBody::new(frames), Some(length));
        let mut text = String::new();
        loop {
            let left = length - text.len() as u64;
            assert_eq!(body.size_hint().exact(), Some(left));
            assert_eq!(body.is_end_stream(), left == 0);
            match body.frame().now_or_never().unwrap() {
                Some(Ok(frame)) => {
                    text += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
                }
                Some(Err(error)) => {
                    assert!(!body.is_end_stream());
                    assert!(body.frame().now_or_never().unwrap().is_none());
                    return (text, Some(error.to_string()));
                }
                None => {
                    assert!(body.is_end_stream());
                    return (text, None);
                }
            }
        }
    }

    #[test]
    fn ends_well_with_exactly_its_length() {
        assert_eq!(read(&["ab", "", "c", "de"], 5), ("abcde".to_owned(), None));
        assert_eq!(read(&[], 0), (String::new(), None));
    }

    #[test]
    fn what_was_not_announced_is_not_said() {
        let body = AnnouncedLength::new(Full::new(Bytes::from_static(b"known")), None);
        assert_eq!(body.size_hint().exact(), None);
        let read = body.collect().now_or_never().unwrap().unwrap();
        assert_eq!(read.to_bytes(), "known");
    }

    #[test]
    fn another_length_is_an_error_before_the_last_byte() {
        let (text, error) = read(&["ab", "c", "d"], 3);
        assert_eq!(text, "ab");
        assert!(error.unwrap().contains("longer"));
        let (text, error) = read(&["ab", "c"], 4);
        assert_eq!(text, "abc");
        assert!(error.unwrap().contains("1 bytes short"));
        let (text, error) = read(&["ab", "c", "!"], 3);
        assert_eq!((text.as_str(), error.as_deref()), ("ab", Some("broken")));
        let (_, error) = read(&["ab"], 1);
        assert!(error.is_some());
    }
}
