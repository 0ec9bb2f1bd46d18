use std::sync::Arc;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::record::Record;
use super::strike::StoreCall;

/// An upload into a store that fails as planned.
#[derive(Debug)]
pub(super) struct FaultyUpload {
    pub(super) inner: Box<dyn MultipartUpload>,
    pub(super) id: u64,
    pub(super) location: Path,
    pub(super) record: Arc<Record>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let (record, location) = (Arc::clone(&self.record), self.location.clone());
        Box::pin(async move { record.run(StoreCall::Part, &location, part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let complete = async {
            let completed = self.inner.complete().await?;
            self.record.upload_ended(self.id);
            Ok(completed)
        };
        let record = Arc::clone(&self.record);
        record
            .run(StoreCall::Complete, &self.location, complete)
            .await
    }

    async fn abort(&mut self) -> Result<()> {
        let abort = async {
            self.inner.abort().await?;
            self.record.upload_ended(self.id);
            Ok(())
        };
        let record = Arc::clone(&self.record);
        record.run(StoreCall::Abort, &self.location, abort).await
    }
}
