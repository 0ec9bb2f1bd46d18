use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// A store, and an upload into it, that takes everything and keeps nothing but the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountingStore(Arc<AtomicU64>);

impl CountingStore {
    /// Bytes of all objects so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn take(&self, payload: &PutPayload) {
        self.0.fetch_add(payload.content_length() as u64, Relaxed);
    }
}

fn taken() -> PutResult {
    PutResult {
        e_tag: None,
        version: None,
        extensions: Default::default(),
    }
}

fn nothing<T>(location: &Path) -> Result<T> {
    Err(Error::NotFound {
        path: location.to_string(),
        source: "nothing is kept".into(),
    })
}

impl fmt::Display for CountingStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CountingStore")
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(&self, _: &Path, payload: PutPayload, _: PutOptions) -> Result<PutResult> {
        self.take(&payload);
        Ok(taken())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(self.clone()))
    }

    async fn get_opts(&self, location: &Path, _: GetOptions) -> Result<GetResult> {
        nothing(location)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        locations
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::empty().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        nothing(&Path::ROOT)
    }

    async fn copy_opts(&self, from: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        nothing(from)
    }
}

#[async_trait]
impl MultipartUpload for CountingStore {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        self.take(&payload);
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        Ok(taken())
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(())
    }
}
