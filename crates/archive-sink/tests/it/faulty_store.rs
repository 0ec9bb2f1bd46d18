//! A store that fails, delays or answers ambiguously at the n-th call of a kind.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
    path::Path,
};

/// What can go wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not carried out.
    Refused,
    /// It is not carried out, since the role may not do it.
    Forbidden,
    /// It is carried out, but the answer is lost.
    AnswerLost,
    /// It is carried out, and a retry below finds nothing left to do.
    NotFoundOnRetry,
    /// It is carried out, and a retry below finds what it made itself.
    ExistsOnRetry,
    /// It is carried out after the caller was left waiting for some polls.
    Delayed,
    /// The store cannot do it at all.
    Unsupported,
    /// For aborting: the completion that seemed to have failed was on its way and comes first.
    Overtaken,
    /// It panics.
    Panics,
}

/// The calls that a writer makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Put,
    Create,
    Part,
    Complete,
    Abort,
    Look,
}

/// The fault, and the call of this kind, from 0, that it strikes; `None` strikes them all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strike {
    pub(crate) call: Call,
    pub(crate) nth: Option<usize>,
    pub(crate) fault: Fault,
}

#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    strikes: Vec<Strike>,
    calls: Mutex<Vec<Call>>,
    uploads: Mutex<BTreeSet<usize>>,
    /// Parts that are on their way now, and the most that ever were.
    in_flight: Mutex<(usize, usize)>,
}

impl Log {
    /// How many calls of this kind there were.
    pub(crate) fn count(&self, call: Call) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|made| **made == call)
            .count()
    }

    /// How many uploads were created, but neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        self.uploads.lock().unwrap().len()
    }

    /// The most parts that were on their way at once.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.in_flight.lock().unwrap().1
    }

    /// Counts a call and says what is to go wrong with it.
    fn strike(&self, call: Call) -> Option<(Fault, String)> {
        let nth = self.count(call);
        self.calls.lock().unwrap().push(call);
        let strike = self.strikes.iter().find(|strike| {
            strike.call == call && strike.nth.is_none_or(|expected| expected == nth)
        })?;
        Some((strike.fault, format!("injected into {call:?} {nth}")))
    }

    async fn run<T>(&self, call: Call, carry_out: impl Future<Output = Result<T>>) -> Result<T> {
        let generic = |message: String| Error::Generic {
            store: "Faulty",
            source: message.into(),
        };
        match self.strike(call) {
            None => carry_out.await,
            Some((Fault::Refused, message)) => Err(generic(message)),
            Some((Fault::Forbidden, message)) => Err(Error::PermissionDenied {
                path: String::new(),
                source: message.into(),
            }),
            Some((Fault::AnswerLost, message)) => {
                carry_out.await?;
                Err(generic(message))
            }
            Some((Fault::NotFoundOnRetry | Fault::Overtaken, message)) => {
                carry_out.await?;
                Err(Error::NotFound {
                    path: String::new(),
                    source: message.into(),
                })
            }
            Some((Fault::ExistsOnRetry, message)) => {
                carry_out.await?;
                Err(Error::AlreadyExists {
                    path: String::new(),
                    source: message.into(),
                })
            }
            Some((Fault::Unsupported, message)) => Err(Error::NotImplemented {
                operation: message,
                implementer: "Faulty".into(),
            }),
            Some((Fault::Delayed, _)) => {
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                carry_out.await
            }
            Some((Fault::Panics, message)) => panic!("{message}"),
        }
    }
}

impl FaultyStore {
    pub(crate) fn new(
        inner: Arc<dyn ObjectStore>,
        strikes: impl IntoIterator<Item = Strike>,
    ) -> (Arc<Self>, Arc<Log>) {
        let log = Arc::new(Log {
            strikes: strikes.into_iter().collect(),
            ..Log::default()
        });
        let store = Arc::new(Self {
            inner,
            log: Arc::clone(&log),
        });
        (store, log)
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FaultyStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.inner.put_opts(location, payload, options);
        self.log.run(Call::Put, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let create = async {
            let inner = self.inner.put_multipart_opts(location, options).await?;
            let id = self.log.count(Call::Create);
            self.log.uploads.lock().unwrap().insert(id);
            let log = Arc::clone(&self.log);
            Ok(Box::new(FaultyUpload { inner, id, log }) as Box<dyn MultipartUpload>)
        };
        self.log.run(Call::Create, create).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let look = self.inner.get_opts(location, options);
        self.log.run(Call::Look, look).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    id: usize,
    log: Arc<Log>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let log = Arc::clone(&self.log);
        {
            let mut in_flight = log.in_flight.lock().unwrap();
            in_flight.0 += 1;
            in_flight.1 = in_flight.1.max(in_flight.0);
        }
        Box::pin(async move {
            let result = log.run(Call::Part, part).await;
            log.in_flight.lock().unwrap().0 -= 1;
            result
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (id, log) = (self.id, Arc::clone(&self.log));
        let complete = async {
            let completed = self.inner.complete().await?;
            log.uploads.lock().unwrap().remove(&id);
            Ok(completed)
        };
        log.run(Call::Complete, complete).await
    }

    async fn abort(&mut self) -> Result<()> {
        let (id, log) = (self.id, Arc::clone(&self.log));
        let overtaken = log
            .strikes
            .iter()
            .any(|strike| strike.fault == Fault::Overtaken);
        let abort = async {
            if overtaken {
                self.inner.complete().await?;
            } else {
                self.inner.abort().await?;
            }
            log.uploads.lock().unwrap().remove(&id);
            Ok(())
        };
        log.run(Call::Abort, abort).await
    }
}
