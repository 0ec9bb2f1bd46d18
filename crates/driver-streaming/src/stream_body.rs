//! One document for one solver: a body for any HTTP client, and an archive in a task of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chunked_writer::JsonDocument;
use measured_body::{Measurements, ProductionMeter};
use serde::Serialize;
use tee_stream::Tee;
use tokio::sync::SetOnce;

use crate::document::{DocumentError, produce};
use crate::observer::{Observer, ReaderObservers};
use crate::request_body::{RequestBody, RequestRecord};
use crate::sharing;

/// Smaller than the default, since an archive of some megabytes holds little more than its compressed bytes.
const CHUNK_BYTES: NonZeroUsize = NonZeroUsize::new(32 * 1024).unwrap();

/// Streams `value` as JSON into a body for any HTTP client.
///
/// The body fails if `Serialize` fails or panics, so that the request does not end like a complete one. No thread and no
/// task is started: polling the body produces the document.
///
/// ```
/// use driver_streaming::stream_body;
/// use http_body_util::BodyExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let (body, sent) = stream_body(vec!["order 1", "order 2"]);
/// // An HTTP client would send the body here.
/// assert_eq!(body.collect().await?.to_bytes(), r#"["order 1","order 2"]"#);
/// println!("{:?}", sent.measurements().await.serializing);
/// # Ok(())
/// # }
/// ```
pub fn stream_body<T>(value: T) -> (RequestBody, BodyHandle)
where
    T: Serialize + Send + Sync + 'static,
{
    let meter = ProductionMeter::new();
    let document = JsonDocument::new(value).with_chunk_size(CHUNK_BYTES);
    let measured = meter.clone();
    let produce = move |offset| produce(&document, offset, &measured);
    let mut handle = BodyHandle {
        tee: sharing::tee(2 * CHUNK_BYTES.get(), produce),
        meter,
        ended: Arc::default(),
    };
    (handle.another_body(), handle)
}

/// Like [`stream_body`], and archives the document as `name`, in a task that continues when the request ends, fails or
/// is dropped.
///
/// The archive begins when the body has ended, or after 100 ms, and first produces by itself what the body has had by then.
/// After that, one production serves both if they are equally fast. The body waits for the archive at most as long as
/// producing has taken so far, and some milliseconds.
///
/// # Panics
/// Outside of a tokio runtime with a timer.
#[cfg(feature = "archive")]
pub fn stream_body_and_archive<T>(
    value: T,
    archive: &archive_sink::Archive,
    name: &str,
) -> (RequestBody, BodyHandle, ArchiveHandle)
where
    T: Serialize + Send + Sync + 'static,
{
    let (body, handle) = stream_body(value);
    let (tee, sent) = (handle.tee.clone(), handle.ended.clone());
    let (archive, name) = (archive.clone(), name.to_owned());
    let task = tokio::spawn(async move {
        let _still_on_its_way = tokio::time::timeout(sharing::HEAD_START, sent.wait()).await;
        archive.store(&name, tee.branch()).await
    });
    (body, handle, ArchiveHandle { task })
}

/// The measurements of a streamed body, and another body for a retry.
#[derive(Debug)]
pub struct BodyHandle {
    tee: Tee<DocumentError>,
    meter: ProductionMeter,
    ended: Arc<SetOnce<BodyMeasurements>>,
}

impl BodyHandle {
    /// Creates another body, from the document's first byte, for a retry. Nothing is buffered for it.
    ///
    /// From now on, [`measurements`](Self::measurements) returns those of this body.
    pub fn another_body(&mut self) -> RequestBody {
        self.ended = Arc::default();
        let report: Arc<dyn Observer> = Arc::new(Report(self.meter.clone(), self.ended.clone()));
        let reader = ReaderObservers::new(&Arc::from([report]), 0);
        let record = Arc::new(RequestRecord::new(reader));
        RequestBody::new(self.tee.branch(), None, record)
    }

    /// Waits until the last body has ended or was dropped, even if it was never polled, and returns its measurements. Cancel
    /// safe.
    pub async fn measurements(&self) -> BodyMeasurements {
        self.ended.wait().await.clone()
    }
}

/// The measurements of a body that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BodyMeasurements {
    /// How long serialising took until then, without waiting: for this body, earlier ones, and the archive.
    pub serializing: Duration,
    /// How the body ended, when its transmission began, and how long it took.
    pub body: Measurements,
}

/// Keeps the measurements of a body.
struct Report(ProductionMeter, Arc<SetOnce<BodyMeasurements>>);

impl Observer for Report {
    fn body_ended(&self, _solver: usize, body: &Measurements) {
        let (serializing, body) = (self.0.busy(), body.clone());
        let _first = self.1.set(BodyMeasurements { serializing, body });
    }
}

/// An archive that a task of its own writes. Dropping the handle does not stop it.
#[cfg(feature = "archive")]
#[derive(Debug)]
pub struct ArchiveHandle {
    task: tokio::task::JoinHandle<Result<archive_sink::Receipt, archive_sink::StoreError>>,
}

#[cfg(feature = "archive")]
impl ArchiveHandle {
    /// Waits for the archive's end. Cancel safe: the archive continues if the future is dropped.
    ///
    /// # Errors
    /// If the value cannot be serialised, or the store fails. No object is visible then, unless the error says that it may be.
    pub async fn ended(self) -> Result<archive_sink::Receipt, ArchiveError> {
        Ok(self.task.await.map_err(ArchiveError::Stopped)??)
    }
}

/// Why there is no archive.
#[cfg(feature = "archive")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It could not be written. The error says if the object may exist all the same.
    #[error(transparent)]
    Store(#[from] archive_sink::StoreError),
    /// The runtime shut down, or the task panicked.
    #[error("the archive's task stopped")]
    Stopped(#[source] tokio::task::JoinError),
}
