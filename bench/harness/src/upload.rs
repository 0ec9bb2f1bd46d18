use async_trait::async_trait;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::CountingStore;

/// A multipart upload into a [`CountingStore`].
#[derive(Debug)]
pub(crate) struct Upload {
    store: CountingStore,
    /// Empty unless the object is to be kept.
    parts: Vec<PutPayload>,
}

impl Upload {
    pub(crate) fn new(store: CountingStore) -> Self {
        Self {
            store,
            parts: Vec::new(),
        }
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        self.store.count_bytes(&payload);
        if self.store.keeps() {
            self.parts.push(payload);
        }
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.store.take_object(&self.parts)
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(())
    }
}
