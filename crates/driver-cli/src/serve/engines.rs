//! The engines behind the service and what each is sent, according to the options and the configuration file.

use std::sync::Arc;
use std::time::Duration;

use archive_sink::Spool;
use driver_streaming::Pipeline;
use tokio::task::block_in_place;
use upload_client::UploadClient;

use super::security::Token;
use crate::archiving::Archiving;
use crate::arguments::ServeArguments;
use crate::config::ArchiveConfig;
use crate::exit::Failure;
use crate::options_and_config::{SolverRequest, pipeline_to};
use crate::otlp_export::Export;
use crate::spooling::Uploading;

/// The engines, the archive, and the token, as they were last read.
pub(super) struct Engines {
    pub(super) pipeline: Pipeline,
    /// What each engine is sent.
    pub(super) requests: Vec<SolverRequest>,
    pub(super) archiving: Option<Arc<Archiving>>,
    /// The time limit of auctions whose driver does not set one.
    pub(super) deadline: Duration,
    pub(super) token: Option<Token>,
    archive: Option<ArchiveConfig>,
}

impl Engines {
    /// Reads the configuration and the token. Keeps the archive of the engines `before` if its settings are the same.
    ///
    /// # Errors
    /// Fails at the first mistake.
    pub(super) async fn read(
        arguments: &ServeArguments,
        client: &UploadClient,
        export: &Export,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        // Files may be on a slow file system.
        let (config, token) = block_in_place(|| {
            let config = arguments.engines.config()?;
            Ok::<_, Failure>((config, Token::read(arguments)?))
        })?;
        let requests = arguments.engines.requests(&config)?;
        if requests.is_empty() {
            return Err(Failure::usage(
                "there is no engine: neither a [[solver]] in --config nor a --solver",
            ));
        }
        let placement = arguments.archiving.placement(&config)?;
        let archive = config.archive.as_ref().map(|table| table.get_ref().clone());
        let archiving = match (placement, before) {
            (_, Some(before)) if before.archive == archive => before.archiving.clone(),
            (None, _) => None,
            (Some(placement), _) => {
                let archiving = arguments.archiving.open(&placement, &config).await?;
                if let Some(spool) = &archiving.spool {
                    export.observe(spool);
                }
                Some(Arc::new(archiving))
            }
        };
        // Only the archive uses the digest, and computing it delays the engines.
        let builder = pipeline_to(&requests).digest(archiving.is_some());
        let mut builder = builder.client(client.clone());
        if let Some(archiving) = &archiving {
            builder = archiving.add_to(builder);
        }
        let pipeline = export.attach(builder).build();
        Ok(Self {
            pipeline: pipeline.map_err(Failure::input("the engines cannot be set up"))?,
            requests,
            archiving,
            deadline: arguments.engines.deadline(&config),
            token,
            archive,
        })
    }

    /// The spool of the archive, if there is one.
    pub(super) fn spool(&self) -> Option<&Spool> {
        self.archiving.as_ref()?.spool.as_ref()
    }

    /// Whether the archive differs from that of `before`.
    pub(super) fn archives_elsewhere(&self, before: &Self) -> bool {
        let archiving = |engines: &Self| engines.archiving.as_ref().map(Arc::as_ptr);
        archiving(self) != archiving(before)
    }

    /// Starts to check what the store can do, and to upload what is in the spool, if there is one.
    pub(super) async fn begin_to_archive(&self) -> Result<Option<Uploading>, Failure> {
        let Some(archiving) = &self.archiving else {
            return Ok(None);
        };
        tokio::spawn(Archiving::find_out(Arc::downgrade(archiving)));
        archiving.upload().await
    }
}
