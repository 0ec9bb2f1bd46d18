use std::net::SocketAddr;
use std::sync::Arc;

use auction_fixtures::Auction;
use bytes::Bytes;
use comparison_harness::{
    ARCHIVE_KEY, Codec, CountingStore, Design, Result, Setup, WARM_UP, client, post,
};
use futures_util::future::{try_join, try_join_all};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use crate::compress::compress;

/// The whole document in memory, and the whole archive.
#[derive(Debug)]
pub(crate) struct Eager {
    engines: Vec<SocketAddr>,
    client: reqwest::Client,
    codec: Codec,
    store: CountingStore,
    /// Whether each solver is sent a copy of its own.
    is_cloned: bool,
}

impl Eager {
    pub(crate) fn new(setup: Setup) -> Result<Self> {
        let is_cloned = match setup.design.as_str() {
            "per-solver" => true,
            "shared" => false,
            _ => return Err("expected the design per-solver or shared".into()),
        };
        Ok(Self {
            engines: setup.engines,
            client: client(setup.deadline)?,
            codec: setup.codec,
            store: setup.store,
            is_cloned,
        })
    }

    async fn archive(&self, document: &[u8]) -> Result<()> {
        let compressed = compress(self.codec, document).await?;
        self.store
            .put(&Path::from(ARCHIVE_KEY), compressed.into())
            .await?;
        Ok(())
    }
}

impl Design for Eager {
    async fn warm_up(&self) -> Result<()> {
        let engines = self.engines.iter();
        try_join_all(engines.map(|engine| post(&self.client, *engine, WARM_UP))).await?;
        Ok(())
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let document = Bytes::from(serde_json::to_vec(&*auction)?);
        let sends = try_join_all(self.engines.iter().map(|engine| {
            let body = if self.is_cloned {
                Bytes::copy_from_slice(&document)
            } else {
                document.clone()
            };
            post(&self.client, *engine, body)
        }));
        try_join(sends, self.archive(&document)).await?;
        Ok(1.0)
    }
}
