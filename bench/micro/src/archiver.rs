use std::iter::repeat_n;
use std::sync::Arc;

use archive_sink::{Archive, Codec};
use auction_fixtures::{Auction, AuctionShape};
use bytes::Bytes;
use chunked_writer::{JsonDocument, JsonError};
use comparison_harness::{CountingStore, WORKERS};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::runtime::Runtime;

use crate::Result;

/// This project's way of archiving: a document's chunks go through the codec into parts, without a digest, which production
/// does not have.
///
/// Archives the large auction several times in one object: a long document from a small base.
#[derive(Debug)]
pub(crate) struct Archiver {
    runtime: Runtime,
    auction: Arc<Auction>,
    times: usize,
}

impl Archiver {
    pub(crate) fn new(times: usize) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .build()?;
        let auction = Arc::new(AuctionShape::LARGE.auction());
        Ok(Self {
            runtime,
            auction,
            times,
        })
    }

    /// The raw document. Each repetition is a production of its own, so that none profits from another or is compared with it.
    pub(crate) fn document(
        &self,
    ) -> impl Stream<Item = Result<Bytes, JsonError>> + Send + Unpin + use<> {
        let auctions = repeat_n(Arc::clone(&self.auction), self.times);
        stream::iter(auctions).flat_map(|auction| JsonDocument::from_arc(auction).stream())
    }

    /// Archives the document in a task of the runtime, and says how long its raw form was.
    pub(crate) fn archive(&self, codec: Codec) -> Result<u64> {
        let store = CountingStore::new(None);
        let archive = Archive::builder(Arc::new(store.clone()))
            .codec(codec)
            .digest(false)
            .build()?;
        let document = self.document();
        let archiving = async move {
            let mut writer = archive.create("auction.json")?;
            writer.send_all(document).await?;
            Result::<_>::Ok(writer.commit().await?)
        };
        let receipt = self.runtime.block_on(self.runtime.spawn(archiving))??;
        if receipt.stored_bytes == store.bytes() {
            Ok(receipt.raw_bytes)
        } else {
            Err("the store has not what the receipt says".into())
        }
    }
}
