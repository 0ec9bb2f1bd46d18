use std::convert::Infallible;
use std::io::sink;
use std::net::SocketAddr;
use std::sync::Arc;

use auction_fixtures::Auction;
use bytes::Bytes;
use comparison_harness::{
    ARCHIVE_KEY, Codec, CountingStore, Design, Result, Setup, WARM_UP, client, post,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::{try_join, try_join_all};
use futures_util::stream::poll_fn;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use tokio::sync::{mpsc, oneshot};

use crate::channel_writer::ChannelWriter;
use crate::revision::Revision;

const GZIP_LEVEL: u32 = 3;

/// A thread, a serialisation and, where it has an archive, a gzip for each solver.
#[derive(Debug)]
pub(crate) struct Threaded {
    engines: Vec<SocketAddr>,
    client: reqwest::Client,
    store: CountingStore,
    /// How many of the solvers have an archive configured: production configures it for each solver.
    archives: usize,
    revision: Revision,
}

impl Threaded {
    pub(crate) fn new(setup: Setup) -> Result<Self> {
        if setup.codec != Codec::Gzip {
            return Err("production compresses by gzip alone".into());
        }
        let (archives, revision) = match setup.design.as_str() {
            "threaded" => (setup.engines.len(), Revision::Merged),
            "threaded-one-archive" => (1, Revision::Merged),
            "threaded-first-revision" => (setup.engines.len(), Revision::First),
            _ => {
                return Err("expected the design threaded, -one-archive or -first-revision".into());
            }
        };
        Ok(Self {
            engines: setup.engines,
            client: client(setup.deadline)?,
            store: setup.store,
            archives,
            revision,
        })
    }

    async fn send(
        &self,
        engine: SocketAddr,
        auction: Arc<Auction>,
        is_archived: bool,
    ) -> Result<()> {
        let (sender, mut receiver) = mpsc::channel(self.revision.channel_blocks());
        let blocks = poll_fn(move |context| {
            receiver
                .poll_recv(context)
                .map(|block| block.map(Ok::<_, Infallible>))
        });
        let body = reqwest::Body::wrap_stream(blocks);
        let channel = ChannelWriter(sender);
        let revision = self.revision;
        if !is_archived {
            tokio::task::spawn_blocking(move || {
                // As in production, a failure ends the body; the engine's check would find it.
                let _production_logs_it = revision.serialise(&auction, channel, sink());
            });
            return post(&self.client, engine, body).await;
        }
        let (deliver, compressed) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let gzip = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
            if let Ok((channel, gzip)) = revision.serialise(&auction, channel, gzip) {
                // The body ends here, before the gzip does.
                drop(channel);
                if let Ok(compressed) = gzip.finish() {
                    let _receiver_gone = deliver.send(Bytes::from(compressed));
                }
            }
        });
        let store = self.store.clone();
        let archiving = tokio::spawn(async move {
            let compressed = compressed.await?;
            store
                .put(&Path::from(ARCHIVE_KEY), compressed.into())
                .await?;
            Result::<()>::Ok(())
        });
        let archived = async { archiving.await? };
        try_join(post(&self.client, engine, body), archived).await?;
        Ok(())
    }
}

impl Design for Threaded {
    async fn warm_up(&self) -> Result<()> {
        let engines = self.engines.iter();
        try_join_all(engines.map(|engine| post(&self.client, *engine, WARM_UP))).await?;
        Ok(())
    }

    /// Production builds a value of its own for each solver; here they share one, which is cheaper.
    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let engines = self.engines.iter().enumerate();
        try_join_all(engines.map(|(index, engine)| {
            self.send(*engine, Arc::clone(&auction), index < self.archives)
        }))
        .await?;
        Ok(self.engines.len() as f64)
    }
}
