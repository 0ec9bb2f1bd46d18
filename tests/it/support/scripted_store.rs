use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use archive_sink::{Archive, Codec};
use async_trait::async_trait;
use bytes::Bytes;
use driver_streaming::ArchiveTarget;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};
use tokio::sync::watch;

/// The parts of uploads to a scripted store: small, so that there are many.
const PART: usize = 256 * 1024;

/// A store in memory that fails at one kind of call, or makes one kind wait.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedStore {
    inner: Arc<InMemory>,
    script: Arc<Script>,
}

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Put,
    Create,
    Part,
    Complete,
}

#[derive(Debug)]
struct Script {
    fails: Option<Call>,
    waits: Option<Call>,
    gate: watch::Sender<bool>,
    waiting: AtomicUsize,
    open_uploads: AtomicUsize,
}

impl ScriptedStore {
    /// A store that works.
    pub(crate) fn new() -> Self {
        Self::scripted(None, None)
    }

    /// A store in which every such call fails.
    pub(crate) fn failing(call: Call) -> Self {
        Self::scripted(Some(call), None)
    }

    /// A store in which every such call waits until [opened](Self::open).
    pub(crate) fn gated(call: Call) -> Self {
        Self::scripted(None, Some(call))
    }

    fn scripted(fails: Option<Call>, waits: Option<Call>) -> Self {
        Self {
            inner: Arc::default(),
            script: Arc::new(Script {
                fails,
                waits,
                gate: watch::Sender::new(false),
                waiting: AtomicUsize::new(0),
                open_uploads: AtomicUsize::new(0),
            }),
        }
    }

    /// An archive in this store, in small parts.
    pub(crate) fn target(&self, codec: Codec) -> ArchiveTarget {
        let archive = Archive::builder(Arc::new(self.clone()))
            .codec(codec)
            .part_size(PART)
            .allow_small_parts()
            .build()
            .expect("the codec is compiled");
        ArchiveTarget::new(archive, "memory:///".parse().expect("this is a URL"))
    }

    /// Lets all calls go on.
    pub(crate) fn open(&self) {
        self.script.gate.send_replace(true);
    }

    /// How many calls have come to the gate.
    pub(crate) fn waiting(&self) -> usize {
        self.script.waiting.load(Ordering::SeqCst)
    }

    /// How many uploads have begun and have neither been completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        self.script.open_uploads.load(Ordering::SeqCst)
    }

    /// The names of all objects.
    pub(crate) async fn names(&self) -> Vec<String> {
        let objects: Vec<_> = self.inner.list(None).try_collect().await.expect("it lists");
        objects
            .into_iter()
            .map(|object| object.location.to_string())
            .collect()
    }

    /// What is stored under this name.
    pub(crate) async fn object(&self, name: &str) -> Bytes {
        let found = self.inner.get(&Path::from(name)).await;
        found
            .expect("the object is there")
            .bytes()
            .await
            .expect("it can be read")
    }
}

impl Script {
    async fn run<T>(&self, call: Call, carry_out: impl Future<Output = Result<T>>) -> Result<T> {
        if self.fails == Some(call) {
            return Err(Error::Generic {
                store: "Scripted",
                source: format!("{call:?} was told to fail").into(),
            });
        }
        if self.waits == Some(call) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let mut gate = self.gate.subscribe();
            gate.wait_for(|open| *open)
                .await
                .expect("the gate is there");
        }
        carry_out.await
    }

    fn upload_ended(&self) {
        self.open_uploads.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Display for ScriptedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ScriptedStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for ScriptedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.inner.put_opts(location, payload, options);
        self.script.run(Call::Put, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let create = async {
            let inner = self.inner.put_multipart_opts(location, options).await?;
            self.script.open_uploads.fetch_add(1, Ordering::SeqCst);
            let script = Arc::clone(&self.script);
            Ok(Box::new(ScriptedUpload { inner, script }) as Box<dyn MultipartUpload>)
        };
        self.script.run(Call::Create, create).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
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
struct ScriptedUpload {
    inner: Box<dyn MultipartUpload>,
    script: Arc<Script>,
}

#[async_trait]
impl MultipartUpload for ScriptedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let script = Arc::clone(&self.script);
        Box::pin(async move { script.run(Call::Part, part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let script = Arc::clone(&self.script);
        let completed = script.run(Call::Complete, self.inner.complete()).await?;
        script.upload_ended();
        Ok(completed)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await?;
        self.script.upload_ended();
        Ok(())
    }
}
