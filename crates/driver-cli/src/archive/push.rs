//! `archive push`: uploads what is in a spool.

use std::path::Path;
use std::process::ExitCode;

use archive_sink::{Archive, CommitError, Spool, SpoolError};
use driver_streaming::error_chain;

use super::arguments::PushArguments;
use super::cleaning_up;
use crate::archiving::{ARCHIVE_LIMIT, archive_location};
use crate::config::Config;
use crate::exit::{Failure, print_line};
use crate::figures::size;
use crate::spooling::location_of;
use crate::store_location::StoreLocation;

pub(super) async fn run(arguments: &PushArguments) -> Result<ExitCode, Failure> {
    let folder = arguments.spool.as_path();
    let shown = folder.display();
    // Opening a spool would create it.
    if !folder.join("ready").is_dir() {
        return Err(Failure::usage(format!("{shown}: there is no spool")));
    }
    let archive = archive_of(arguments)?;
    let spool = Spool::builder(folder).open().await;
    let spool = spool.map_err(Failure::input(shown.to_string()))?;
    cleaning_up(&archive, push(&spool, archive.clone(), folder)).await
}

fn archive_of(arguments: &PushArguments) -> Result<Archive, Failure> {
    let config = arguments.config.as_deref();
    let config = config.map(Config::load);
    let config = config.transpose()?.unwrap_or_default();
    let location = archive_location(arguments.archive.as_ref(), &config)?;
    let noted = || Some((location_of(&arguments.spool)?, "the spool".to_owned()));
    let Some((location, said_by)) = location.or_else(noted) else {
        let line = "where to archive is not known: it is neither noted in the spool nor given by --archive or a configuration file";
        return Err(Failure::usage(line));
    };
    let found =
        StoreLocation::folder(&location, ARCHIVE_LIMIT).map_err(Failure::input(&said_by))?;
    found.archive().build().map_err(Failure::input(&said_by))
}

async fn push(spool: &Spool, archive: Archive, folder: &Path) -> Result<ExitCode, Failure> {
    let shown = folder.display();
    let uploader = spool.uploader(archive).await.map_err(|error| match error {
        error @ SpoolError::InUse(_) => Failure::of("nothing is uploaded")(error),
        error => Failure::input(&shown)(error),
    })?;
    let (mut uploaded, mut set_aside) = (0, 0);
    let failure: Option<CommitError> = loop {
        let drained = uploader.drain().await.map_err(Failure::of(&shown))?;
        uploaded += drained.uploaded;
        set_aside += drained.set_aside;
        // As long as any object gets through, those behind one that fails are tried too.
        if drained.failure.is_none() || drained.uploaded + drained.set_aside == 0 {
            break drained.failure;
        }
    };
    let status = spool.status().await.map_err(Failure::of(&shown))?;
    print_line(&format!("uploaded {uploaded}"))?;
    if status.failed > 0 {
        let failed = folder.join("failed");
        let where_to = failed.display();
        print_line(&format!(
            "set aside {set_aside}; {} in all are in {where_to}, each with the reason",
            status.failed
        ))?;
    }
    if status.objects > 0 {
        let why = failure.map_or_else(
            || "they were added meanwhile".to_owned(),
            |error| error_chain(&error),
        );
        let line = format!(
            "left {} of {}: {why}",
            status.objects,
            size(Some(status.bytes))
        );
        print_line(&line.replace(['\r', '\n'], " "))?;
    }
    Ok(u8::from(status.objects > 0 || set_aside > 0).into())
}
