//! The engines behind the service, and what they are sent: what options and configuration file say, until it is read again.

use std::time::Duration;

use archive_sink::Archive;
use driver_streaming::Pipeline;
use jiff::Timestamp;
use upload_client::UploadClient;

use super::security::Token;
use crate::arguments::{ServeArguments, SolveArguments};
use crate::config::Config;
use crate::exit::Failure;
use crate::options_and_config::pipeline_to;
use crate::otlp_export::Export;
use crate::sending::SolverRequest;
use crate::solve::with_archive;

/// The engines, the archive, and the token, as they were last read.
pub(super) struct Engines {
    pub(super) pipeline: Pipeline,
    pub(super) archive: Option<Archive>,
    /// By when a driver has its answer, if it does not say it itself.
    pub(super) deadline: Duration,
    pub(super) token: Option<Token>,
    config: Config,
}

impl Engines {
    /// Reads the configuration and the token.
    ///
    /// # Errors
    /// At the first mistake.
    pub(super) fn read(
        arguments: &ServeArguments,
        client: &UploadClient,
        export: &Export,
    ) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let config = arguments.engines.config(now)?;
        let requests = arguments.engines.requests(&config, now)?;
        if requests.is_empty() {
            return Err(Failure::usage(
                "there is no engine: neither a [[solver]] in --config nor a --solver",
            ));
        }
        let builder = pipeline_to(&requests).client(client.clone());
        let (builder, archive) = with_archive(builder, &SolveArguments::default(), &config)?;
        let pipeline = export.attach(builder).build();
        Ok(Self {
            pipeline: pipeline.map_err(Failure::input("the engines cannot be set up"))?,
            archive,
            deadline: arguments.engines.deadline(&config),
            token: Token::read(arguments)?,
            config,
        })
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
