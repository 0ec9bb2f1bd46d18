//! The engines and the store, as the designs that are functions reach them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use archive_sink::{Archive, Codec};
use auction_fixtures::Auction;
use futures_util::future::try_join_all;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use scripted_store::ScriptedStore;

use crate::program::{ARCHIVE_KEY, Arguments, Design, WARM_UP};

#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) arguments: Arguments,
    client: reqwest::Client,
    store: ScriptedStore,
    /// For the designs of this project.
    pub(crate) archive: Option<Archive>,
}

impl Endpoints {
    /// A client with the settings that `driver_streaming::Pipeline` gives its own for engines on this machine.
    fn new(arguments: &Arguments, store: ScriptedStore) -> Result<Self> {
        let deadline = arguments.deadline();
        Ok(Self {
            arguments: arguments.clone(),
            client: reqwest::Client::builder()
                .timeout(deadline)
                .redirect(reqwest::redirect::Policy::none())
                .user_agent("bench")
                .no_proxy()
                .build()?,
            archive: archive(arguments, store.clone())?,
            store,
        })
    }

    pub(crate) fn engines(&self) -> impl ExactSizeIterator<Item = SocketAddr> {
        self.arguments.engines.iter().copied()
    }

    /// Posts a body to an engine's `/solve` and reads the answer to its end, which must be JSON.
    pub(crate) async fn post(
        &self,
        engine: SocketAddr,
        body: impl Into<reqwest::Body>,
    ) -> Result<()> {
        let response = self
            .client
            .post(format!("{}/solve", self.arguments.url(engine)))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .send()
            .await?
            .error_for_status()?;
        let _answer: serde_json::Value = serde_json::from_slice(&response.bytes().await?)?;
        Ok(())
    }

    /// Archives what was compressed, in one PUT.
    pub(crate) async fn put(&self, compressed: impl Into<PutPayload>) -> Result<()> {
        let key = Path::from(ARCHIVE_KEY);
        self.store.put(&key, compressed.into()).await?;
        Ok(())
    }
}

/// This project's archive, without a digest, which no other design computes.
pub(crate) fn archive(arguments: &Arguments, store: ScriptedStore) -> Result<Option<Archive>> {
    let Some(kind) = arguments.codec else {
        return Ok(None);
    };
    let archive = Archive::builder(Arc::new(store)).codec(Codec::default_for(kind));
    Ok(Some(archive.digest(false).build()?))
}

/// Makes the call by a design that is a function.
pub(crate) fn run<F>(arguments: &Arguments, design: F) -> Result<()>
where
    (Endpoints, F): Design,
{
    arguments.run(|arguments, store| Ok((Endpoints::new(arguments, store)?, design)))
}

impl<F, R> Design for (Endpoints, F)
where
    F: Fn(Endpoints, Arc<Auction>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<f64>> + Send + 'static,
{
    async fn warm_up(&self) -> Result<()> {
        let engines = self.0.engines();
        try_join_all(engines.map(|engine| self.0.post(engine, WARM_UP))).await?;
        Ok(())
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        (self.1)(self.0.clone(), auction).await
    }
}
