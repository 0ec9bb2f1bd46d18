//! One document for one solver: a body for any HTTP client, and an archive that goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use chunked_writer::JsonDocument;
use measured_body::{Measurements, ProductionMeter};
use serde::Serialize;
use tee_stream::Tee;
use tokio::sync::SetOnce;

use crate::document::DocumentError;
use crate::observer::{Observer, ReaderObservers};
use crate::request_body::{RequestBody, RequestRecord};
use crate::shared_document::SharedDocument;

/// The window between a body and its archive, in bytes. Who falls further behind has the document produced again.
const WINDOW_BYTES: usize = 128 * 1024;

/// How often others may go on before each chunk of an archive, while its body is on its way: delivery comes first.
#[cfg(feature = "archive")]
const TURNS: usize = 8;

/// Streams `value` as JSON into a body for any HTTP client.
///
/// The body fails when `Serialize` fails or panics, so that the request does not end like a whole one. No thread and no
/// task is started: whoever polls the body produces it.
///
/// ```
/// use driver_streaming::stream_body;
/// use http_body_util::BodyExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let (body, sent) = stream_body(vec!["order 1", "order 2"]);
/// // Here, an HTTP client sends it.
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
    let document = Arc::new(JsonDocument::new(value));
    let document = SharedDocument::new(document, &meter, WINDOW_BYTES, false);
    let mut handle = BodyHandle {
        tee: document.tee,
        meter,
        ended: Arc::default(),
    };
    (handle.another_body(), handle)
}

/// Like [`stream_body`], and archives the document as `name`, in a task that goes on when the request is over, fails or
/// is dropped.
///
/// The document is produced once for both, as long as they are as fast: the body waits for the archive for no longer than
/// producing has taken so far, and some milliseconds; then the archive produces what it needs by itself.
///
/// # Panics
/// Outside of a tokio runtime.
#[cfg(feature = "archive")]
pub fn stream_body_and_archive<T>(
    value: T,
    archive: &archive_sink::Archive,
    name: &str,
) -> (RequestBody, BodyHandle, ArchiveHandle)
where
    T: Serialize + Send + Sync + 'static,
{
    use futures_util::StreamExt;

    let (body, handle) = stream_body(value);
    // Before anything is polled, so that both read one production.
    let branch = handle.tee.branch();
    let (archive, name, sent) = (archive.clone(), name.to_owned(), handle.ended.clone());
    let branch = branch.then(move |chunk| {
        let turns = if sent.get().is_none() { TURNS } else { 0 };
        async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            chunk
        }
    });
    let task = tokio::spawn(async move {
        let mut writer = archive.create(&name).map_err(ArchiveError::Name)?;
        // What failed is not committed: that says why, and cleans up.
        let _failure = writer.send_all(branch).await;
        writer.commit().await.map_err(ArchiveError::Archive)
    });
    (body, handle, ArchiveHandle { task })
}

/// What became of a streamed body, and another body for a retry.
#[derive(Debug)]
pub struct BodyHandle {
    tee: Tee<DocumentError>,
    meter: ProductionMeter,
    ended: Arc<SetOnce<BodyMeasurements>>,
}

impl BodyHandle {
    /// One more body, from the document's first byte: for a retry. Nothing was buffered for it.
    ///
    /// From now on, [`measurements`](Self::measurements) are those of this body.
    pub fn another_body(&mut self) -> RequestBody {
        self.ended = Arc::default();
        let report: Arc<dyn Observer> = Arc::new(Report(self.meter.clone(), self.ended.clone()));
        let reader = ReaderObservers::new(&Arc::from([report]), 0);
        let record = Arc::new(RequestRecord::new(reader));
        RequestBody::new(self.tee.branch(), None, record)
    }

    /// Waits until the last body has ended or was dropped, and says how. Each body has one report, also one that was never
    /// polled. Cancel safe.
    pub async fn measurements(&self) -> BodyMeasurements {
        self.ended.wait().await.clone()
    }
}

/// What was measured of a body that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BodyMeasurements {
    /// How long the value was serialised until then, apart from all waiting: for the body, for those before it, and for the
    /// archive.
    pub serializing: Duration,
    /// How the body ended, when its transmission began, and how long that took.
    pub body: Measurements,
}

/// Keeps what a body's recorder says.
struct Report(ProductionMeter, Arc<SetOnce<BodyMeasurements>>);

impl Observer for Report {
    fn body_ended(&self, _solver: usize, body: &Measurements) {
        let (serializing, body) = (self.0.busy(), body.clone());
        let _first = self.1.set(BodyMeasurements { serializing, body });
    }
}

/// An archive that is being written by a task of its own. Dropping the handle does not stop it.
#[cfg(feature = "archive")]
#[derive(Debug)]
pub struct ArchiveHandle {
    task: tokio::task::JoinHandle<Result<archive_sink::Receipt, ArchiveError>>,
}

#[cfg(feature = "archive")]
impl ArchiveHandle {
    /// Waits until the object is there, or says why it is not. Cancel safe: the archive goes on when the future is dropped.
    ///
    /// # Errors
    /// When the value cannot be serialised, or the store does not take it. No object is visible then, except where the error
    /// says that it may be.
    pub async fn ended(self) -> Result<archive_sink::Receipt, ArchiveError> {
        self.task.await.map_err(ArchiveError::Stopped)?
    }
}

/// Why there is no archive.
#[cfg(feature = "archive")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// No object can have this name.
    #[error("the archive's name cannot be used")]
    Name(#[source] archive_sink::KeyError),
    /// The value could not be serialised, or the store did not take it. It says whether the object may be there.
    #[error(transparent)]
    Archive(archive_sink::CommitError),
    /// The runtime shut down, or the task panicked.
    #[error("the task that archived has ended")]
    Stopped(#[source] tokio::task::JoinError),
}
