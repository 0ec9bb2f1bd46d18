//! The engines behind the service, and what they are sent: what options and configuration file say, until it is read again.

use std::sync::Arc;
use std::time::Duration;

use driver_streaming::Pipeline;
use jiff::Timestamp;
use upload_client::UploadClient;

use super::security::Token;
use crate::archiving::Archiving;
use crate::arguments::ServeArguments;
use crate::config::Config;
use crate::exit::Failure;
use crate::options_and_config::{SolverRequest, pipeline_to};
use crate::otlp_export::Export;
use crate::spooling::Uploading;

/// The engines, the archive, and the token, as they were last read.
pub(super) struct Engines {
    pub(super) pipeline: Pipeline,
    pub(super) archiving: Option<Arc<Archiving>>,
    /// By when a driver has its answer, if it does not say it itself.
    pub(super) deadline: Duration,
    pub(super) token: Option<Token>,
    config: Config,
}

impl Engines {
    /// Reads the configuration and the token. The archive of those `before` stays, where nothing else is said of it.
    ///
    /// # Errors
    /// At the first mistake.
    pub(super) async fn read(
        arguments: &ServeArguments,
        client: &UploadClient,
        export: &Export,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let config = arguments.engines.config(now)?;
        let requests = arguments.engines.requests(&config, now)?;
        if requests.is_empty() {
            return Err(Failure::usage(
                "there is no engine: neither a [[solver]] in --config nor a --solver",
            ));
        }
        let token = Token::read(arguments)?;
        let placement = arguments.archiving.placement(&config)?;
        let table = |config: &Config| config.archive.clone().map(|table| table.into_inner());
        let archiving = match (placement, before) {
            (_, Some(before)) if table(&before.config) == table(&config) => {
                before.archiving.clone()
            }
            (None, _) => None,
            (Some(placement), _) => {
                let archiving = arguments.archiving.open(&placement, &config).await?;
                if let Some(spool) = &archiving.spool {
                    export.observe(spool);
                }
                Some(Arc::new(archiving))
            }
        };
        let mut builder = pipeline_to(&requests).client(client.clone());
        if let Some(archiving) = &archiving {
            builder = archiving.add_to(builder);
        }
        let pipeline = export.attach(builder).build();
        Ok(Self {
            pipeline: pipeline.map_err(Failure::input("the engines cannot be set up"))?,
            archiving,
            deadline: arguments.engines.deadline(&config),
            token,
            config,
        })
    }

    /// Whether the archive is another than `before`.
    pub(super) fn archives_elsewhere(&self, before: &Self) -> bool {
        match (&self.archiving, &before.archiving) {
            (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
            (one, other) => one.is_some() || other.is_some(),
        }
    }

    /// Begins to find out what the store can do, and to bring to it what is in the spool, if there is one.
    pub(super) async fn begin_to_archive(&self) -> Result<Option<Uploading>, Failure> {
        match &self.archiving {
            Some(archiving) => {
                tokio::spawn(Archiving::find_out(Arc::downgrade(archiving)));
                archiving.upload().await
            }
            None => Ok(None),
        }
    }

    /// What each engine is sent of an auction that arrives now: values such as `now+15s` are from now.
    pub(super) fn requests(
        &self,
        arguments: &ServeArguments,
    ) -> Result<Vec<SolverRequest>, Failure> {
        let now = Timestamp::now();
        arguments.engines.requests(&self.config.at(now)?, now)
    }
}
