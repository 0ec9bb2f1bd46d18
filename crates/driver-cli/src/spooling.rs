//! A spool that archives go through, and what brings its objects to the store while the program runs.

use std::path::PathBuf;
use std::time::Duration;

use archive_sink::{Archive, Spool, SpoolError};
use clap::Args;
use driver_streaming::error_chain;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::Config;
use crate::exit::Failure;

/// How long leaving waits for a store while an upload is given up, of which nothing is lost.
const CLEAN_UP_LIMIT: Duration = Duration::from_millis(250);

#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct SpoolArguments {
    /// Write the archive into this folder first, at the pace of its disk, and from there to the store. What the store does
    /// not have when the archive's limit is over stays there, for the next run with this spool or for `archive push`.
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,

    /// How many bytes the spool may hold: when it is full, auctions are not archived [default: 10 GB].
    #[arg(long, value_name = "BYTES")]
    spool_limit: Option<u64>,

    /// How many bytes of the spool's disk stay free [default: 1 GB].
    #[arg(long, value_name = "BYTES")]
    spool_keep_free: Option<u64>,
}

impl SpoolArguments {
    /// Opens the spool that is asked for, if one is. An option counts before the configuration file.
    pub(crate) async fn open(&self, config: &Config) -> Result<Option<Spool>, Failure> {
        let archive = config.archive.as_ref().map(|archive| archive.get_ref());
        let of_config = archive.and_then(|archive| archive.spool.as_ref());
        let (folder, said_by) = match (&self.spool, of_config) {
            (Some(folder), _) => (folder, "--spool".to_owned()),
            (None, Some(folder)) => (folder.get_ref(), config.place(folder)),
            (None, None) => return Ok(None),
        };
        let mut builder = Spool::builder(folder);
        let limit = archive.and_then(|archive| archive.spool_limit);
        if let Some(bytes) = self.spool_limit.or(limit) {
            builder = builder.max_bytes(bytes);
        }
        let kept = archive.and_then(|archive| archive.spool_keep_free);
        if let Some(bytes) = self.spool_keep_free.or(kept) {
            builder = builder.keep_free(bytes);
        }
        let opened = builder.open().await;
        opened.map(Some).map_err(Failure::input(said_by))
    }
}

pub(crate) struct Uploading {
    archive: Archive,
    /// None where another process uploads.
    task: Option<JoinHandle<()>>,
}

impl Uploading {
    pub(crate) async fn start(spool: &Spool, archive: &Archive) -> Result<Self, Failure> {
        let task = match spool.uploader(archive.clone()).await {
            Ok(uploader) => Some(tokio::spawn(async {
                let error = uploader.run().await;
                tracing::error!(
                    "nothing more is uploaded from the spool: {}",
                    error_chain(&error)
                );
            })),
            Err(SpoolError::InUse(_)) => None,
            Err(error) => return Err(Failure::input("the spool")(error)),
        };
        let archive = archive.clone();
        Ok(Self { archive, task })
    }

    /// Gives up what is under way, which stays in the spool.
    pub(crate) async fn stop(self) {
        if let Some(task) = self.task {
            task.abort();
            let _aborted = task.await;
            let _settled = timeout(CLEAN_UP_LIMIT, self.archive.settled()).await;
        }
    }
}
