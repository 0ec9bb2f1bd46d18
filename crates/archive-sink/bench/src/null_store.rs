//! A store that takes everything and keeps nothing but the count.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
    path::Path,
};

#[derive(Debug, Default, Clone)]
pub struct NullStore(pub Arc<AtomicU64>);

impl NullStore {
    fn take(&self, payload: &PutPayload) {
        self.0.fetch_add(payload.content_length() as u64, Relaxed);
    }
}

fn taken() -> Result<PutResult> {
    Ok(PutResult {
        e_tag: None,
        version: None,
        extensions: Default::default(),
    })
}

fn nothing<T>(location: &Path) -> Result<T> {
    Err(Error::NotFound {
        path: location.to_string(),
        source: "nothing is kept".into(),
    })
}

impl fmt::Display for NullStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NullStore")
    }
}

#[async_trait]
impl ObjectStore for NullStore {
    async fn put_opts(&self, _: &Path, payload: PutPayload, _: PutOptions) -> Result<PutResult> {
        self.take(&payload);
        taken()
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
impl MultipartUpload for NullStore {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let store = self.clone();
        Box::pin(async move {
            store.take(&payload);
            Ok(())
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        taken()
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(())
    }
}
