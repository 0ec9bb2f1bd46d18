//! The spool that archives go through, and the task that uploads from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archive_sink::{Archive, Spool, SpoolError};
use clap::Args;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::exit::Failure;

/// How long to wait for the store when an upload is given up. Nothing is lost: the object stays in the spool.
const CLEAN_UP_LIMIT: Duration = Duration::from_millis(250);

/// How long a service that stops waits for uploads, as long as they succeed.
const LAST_UPLOADS: Duration = Duration::from_secs(5);

/// How often it checks whether they do.
const LOOK_AT_UPLOADS: Duration = Duration::from_millis(20);

/// How often to check whether another process still uploads from the spool.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct SpoolArguments {
    /// Write the archive to this folder first and upload it from there. What is not uploaded within --archive-limit stays in
    /// the folder, for the next run with this spool or for `archive push`.
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,

    /// How many bytes the spool may hold. When it is full, auctions are not archived [default: 10 GB].
    #[arg(long, value_name = "BYTES")]
    spool_limit: Option<u64>,

    /// How many bytes of its disk the spool leaves free [default: 1 GB].
    #[arg(long, value_name = "BYTES")]
    spool_keep_free: Option<u64>,
}

impl SpoolArguments {
    /// Opens the spool for the archive at `location`, if options or configuration file ask for one.
    pub(crate) async fn open(
        &self,
        config: &Config,
        location: &str,
    ) -> Result<Option<Spool>, Failure> {
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
        let noted = location_of(folder);
        if let Some(other) = noted.as_ref().filter(|other| *other != location) {
            let waiting = fs::read_dir(folder.join("ready"));
            if waiting.is_ok_and(|mut waiting| waiting.next().is_some()) {
                return Err(Failure::usage(format!(
                    "{said_by}: its objects are for {other}: upload them with `archive push` first, or use another folder"
                )));
            }
        }
        let spool = builder.open().await.map_err(Failure::input(said_by))?;
        if noted.as_deref() != Some(location)
            && let Err(error) = fs::write(folder.join(LOCATION), location)
        {
            // The disk may be full, which is no reason not to solve.
            tracing::warn!(%error, "the archive's location cannot be noted in the spool");
        }
        Ok(Some(spool))
    }
}

/// The file in a spool that notes the location of the archive.
const LOCATION: &str = "location";

/// The location that a spool's objects are for, if it is noted.
pub(crate) fn location_of(spool: &Path) -> Option<String> {
    let noted = fs::read_to_string(spool.join(LOCATION)).ok();
    noted.filter(|location| !location.is_empty())
}

/// A task that uploads from a spool as soon as no other process does.
pub(crate) struct Uploading {
    spool: Spool,
    archive: Archive,
    task: JoinHandle<()>,
}

impl Uploading {
    pub(crate) async fn start(spool: &Spool, archive: &Archive) -> Result<Self, Failure> {
        let mut uploader = match spool.uploader(archive.clone()).await {
            Err(error @ SpoolError::InUse(_)) => Err(error),
            uploader => Ok(uploader.map_err(Failure::input("the spool"))?),
        };
        let (from, to) = (spool.clone(), archive.clone());
        let task = tokio::spawn(async move {
            loop {
                match uploader {
                    Ok(uploader) => match uploader.run().await {},
                    Err(_in_use) => sleep(LOOK_AGAIN).await,
                }
                uploader = from.uploader(to.clone()).await;
            }
        });
        let (spool, archive) = (spool.clone(), archive.clone());
        Ok(Self {
            spool,
            archive,
            task,
        })
    }

    /// Stops the task. An object whose upload is given up stays in the spool, and nobody waits for it any longer.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _aborted = self.task.await;
        self.spool.stop_waiting();
        let _settled = timeout(CLEAN_UP_LIMIT, self.archive.settled()).await;
    }
}

/// Has nobody wait for the store any longer once an upload has failed, or after a limit: what `spool` holds is not lost.
pub(crate) async fn stop_waiting_for_uploads(spool: &Spool) {
    let failed = async {
        while spool.counts().failed_in_a_row == 0 {
            sleep(LOOK_AT_UPLOADS).await;
        }
    };
    let _elapsed = timeout(LAST_UPLOADS, failed).await;
    spool.stop_waiting();
}
