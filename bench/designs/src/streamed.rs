//! This project, by the function that takes the place of production's: for each solver a document and an archive of its
//! own, and reqwest.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use archive_sink::Archive;
use auction_fixtures::Auction;
use driver_streaming::stream_body_and_archive;
use futures_util::future::{try_join, try_join_all};
use scripted_store::ScriptedStore;

use crate::endpoints::Endpoints;
use crate::ours::archive;
use crate::program::{ARCHIVE_KEY, Arguments, Design};

#[derive(Debug)]
pub(crate) struct Streamed {
    endpoints: Endpoints,
    archive: Archive,
}

impl Streamed {
    pub(crate) fn new(arguments: &Arguments, store: ScriptedStore) -> Result<Self> {
        Ok(Self {
            archive: archive(arguments.codec, store.clone())?,
            endpoints: Endpoints::new(arguments, store)?,
        })
    }

    async fn send(&self, engine: SocketAddr, auction: Arc<Auction>) -> Result<()> {
        let name = format!("{}/{ARCHIVE_KEY}", engine.port());
        let (body, _sent, archived) = stream_body_and_archive(auction, &self.archive, &name);
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
        let engines = self.endpoints.engines();
        let sends = engines.map(|engine| self.send(engine, Arc::clone(&auction)));
        Ok(try_join_all(sends).await?.len() as f64)
    }
}
