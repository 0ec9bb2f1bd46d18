//! This project, by the two functions that take the place of production's: for each solver a document and an archive of
//! its own, and reqwest.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail};
use archive_sink::{Archive, CodecKind};
use auction_fixtures::Auction;
use bench_harness::{ARCHIVE_KEY, Codec, Design, Endpoints, Setup};
use driver_streaming::stream_body_and_archive;
use futures_util::future::{try_join, try_join_all};
use serde::{Serialize, Serializer};

fn main() -> Result<()> {
    bench_harness::run(Streamed::new)
}

#[derive(Debug)]
struct Streamed {
    endpoints: Endpoints,
    archive: Archive,
}

/// One value for all, as the threads of `threaded` have it.
struct Shared(Arc<Auction>);

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Streamed {
    fn new(setup: Setup) -> Result<Self> {
        let codec = match setup.codec {
            Codec::Gzip => CodecKind::Gzip,
            Codec::Zstd => CodecKind::Zstd,
            Codec::None => bail!("it always archives"),
        };
        let archive = Archive::builder(Arc::new(setup.store.clone()))
            .codec(archive_sink::Codec::default_for(codec))
            .digest(false)
            .build()?;
        let endpoints = Endpoints::new(setup)?;
        Ok(Self { endpoints, archive })
    }

    async fn send(&self, engine: SocketAddr, auction: Arc<Auction>) -> Result<()> {
        let name = format!("{}/{ARCHIVE_KEY}", engine.port());
        let (body, _sent, archived) =
            stream_body_and_archive(Shared(auction), &self.archive, &name);
        let archived = async { Ok(archived.ended().await?) };
        try_join(self.endpoints.post(engine, body), archived).await?;
        Ok(())
    }
}

impl Design for Streamed {
    async fn warm_up(&self) -> Result<()> {
        self.endpoints.warm_up().await
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let engines = self.endpoints.engines.iter();
        try_join_all(engines.map(|engine| self.send(*engine, Arc::clone(&auction)))).await?;
        Ok(self.endpoints.engines.len() as f64)
    }
}
