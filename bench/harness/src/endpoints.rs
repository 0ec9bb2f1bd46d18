use std::net::SocketAddr;

use anyhow::Result;
use futures_util::future::try_join_all;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::{ARCHIVE_KEY, Setup, WARM_UP};

/// The engines and the store, as the designs that are not this project's reach them.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The engines' addresses.
    pub engines: Vec<SocketAddr>,
    client: reqwest::Client,
    setup: Setup,
}

impl Endpoints {
    /// A client with the settings that `driver_streaming::Pipeline` gives its own for engines on this machine.
    pub fn new(setup: Setup) -> Result<Self> {
        Ok(Self {
            engines: setup.engines.clone(),
            client: reqwest::Client::builder()
                .tcp_user_timeout(setup.deadline)
                .timeout(setup.deadline)
                .redirect(reqwest::redirect::Policy::none())
                .user_agent("bench")
                .no_proxy()
                .build()?,
            setup,
        })
    }

    /// Posts a body to an engine's `/solve` and reads the answer to its end, which must be JSON.
    pub async fn post(&self, engine: SocketAddr, body: impl Into<reqwest::Body>) -> Result<()> {
        let response = self
            .client
            .post(format!("{}/solve", self.setup.url(engine)))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .send()
            .await?
            .error_for_status()?;
        let _answer: serde_json::Value = serde_json::from_slice(&response.bytes().await?)?;
        Ok(())
    }

    /// Posts [`WARM_UP`] to every engine, so that a connection to each is there and idle.
    pub async fn warm_up(&self) -> Result<()> {
        let engines = self.engines.iter();
        try_join_all(engines.map(|engine| self.post(*engine, WARM_UP))).await?;
        Ok(())
    }

    /// Archives what was compressed, in one PUT.
    pub async fn archive(&self, compressed: impl Into<PutPayload>) -> Result<()> {
        let key = Path::from(ARCHIVE_KEY);
        self.setup.store.put(&key, compressed.into()).await?;
        Ok(())
    }
}
