use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

/// A store that accepts everything and keeps nothing. It may return one object, once.
#[derive(Default)]
pub(crate) struct Discard {
    serves: Mutex<Option<Served>>,
}

/// The answer to the first GET.
pub(crate) struct Served {
    pub(crate) content: BoxStream<'static, Result<Bytes>>,
    pub(crate) size: u64,
    pub(crate) attributes: Attributes,
}

impl Discard {
    pub(crate) fn serving(served: Served) -> Self {
        let serves = Mutex::new(Some(served));
        Self { serves }
    }
}

impl fmt::Debug for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Discard")
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Discard")
    }
}

fn taken() -> PutResult {
    PutResult {
        e_tag: None,
        version: None,
        extensions: Default::default(),
    }
}

fn nothing(location: &Path) -> Error {
    Error::NotFound {
        path: location.to_string(),
        source: "nothing is kept".into(),
    }
}

#[async_trait]
impl ObjectStore for Discard {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Ok(taken())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(DiscardedUpload))
    }

    async fn get_opts(&self, location: &Path, _: GetOptions) -> Result<GetResult> {
        let mut serves = self.serves.lock().unwrap_or_else(PoisonError::into_inner);
        let Served {
            content,
            size,
            attributes,
        } = serves.take().ok_or_else(|| nothing(location))?;
        Ok(GetResult {
            payload: GetResultPayload::Stream(content),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: Default::default(),
                size,
                e_tag: None,
                version: None,
            },
            range: 0..size,
            attributes,
            extensions: Default::default(),
        })
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
        Err(nothing(&Path::ROOT))
    }

    async fn copy_opts(&self, from: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(nothing(from))
    }
}

#[derive(Debug)]
struct DiscardedUpload;

#[async_trait]
impl MultipartUpload for DiscardedUpload {
    fn put_part(&mut self, _: PutPayload) -> UploadPart {
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        Ok(taken())
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(())
    }
}
