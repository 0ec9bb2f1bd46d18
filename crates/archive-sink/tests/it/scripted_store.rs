//! A store with one object, whose content comes in chunks that a test chooses.

use std::{fmt, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, path::Path,
};

pub(crate) type Content = BoxStream<'static, Result<Bytes>>;

/// Whatever is asked for, it has it: once.
pub(crate) struct ScriptedStore {
    content: Mutex<Option<Content>>,
    attributes: Attributes,
    size: u64,
}

impl ScriptedStore {
    pub(crate) fn new(
        content: impl futures_core::Stream<Item = Result<Bytes>> + Send + 'static,
        size: u64,
        attributes: Attributes,
    ) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            content: Mutex::new(Some(content.boxed())),
            attributes,
            size,
        })
    }
}

impl fmt::Debug for ScriptedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScriptedStore")
    }
}

impl fmt::Display for ScriptedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScriptedStore")
    }
}

fn read_only<T>() -> Result<T> {
    Err(Error::NotSupported {
        source: "read only".into(),
    })
}

#[async_trait]
impl ObjectStore for ScriptedStore {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        read_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        read_only()
    }

    async fn get_opts(&self, location: &Path, _: GetOptions) -> Result<GetResult> {
        let content = self.content.lock().unwrap().take();
        Ok(GetResult {
            payload: GetResultPayload::Stream(content.unwrap()),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: Default::default(),
                size: self.size,
                e_tag: None,
                version: None,
            },
            range: 0..self.size,
            attributes: self.attributes.clone(),
            extensions: Default::default(),
        })
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { read_only() }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::empty().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        read_only()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        read_only()
    }
}
