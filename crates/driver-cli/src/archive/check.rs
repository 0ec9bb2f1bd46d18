//! `archive check`: what may be done at a location, and what its store promises.

use std::process::ExitCode;

use driver_streaming::error_chain;
use futures_util::TryStreamExt;

use super::arguments::TimeRange;
use super::cleaning_up;
use super::shelf::Shelf;
use crate::exit::{Failure, print_line};

pub(super) async fn run(location: &str) -> Result<ExitCode, Failure> {
    let shelf = Shelf::open(location)?;
    let checked = cleaning_up(&shelf.archive, async { Ok(shelf.archive.check().await) }).await?;
    let listed = shelf.entries(TimeRange::default()).try_next().await;
    let (write, listed) = match (checked, listed) {
        // Nothing at all is possible: there is no such location, or no permission, or the store is away.
        (Err(_), Err(failure)) => return Err(failure),
        checks => checks,
    };
    let may_write = match &write {
        Ok(_) => Ok("an upload was started and aborted; nothing of it is left".to_owned()),
        Err(error) => Err(error_chain(error)),
    };
    let may_look = match &write {
        Ok(access) if !access.look => Err(
            "what became of a write without an answer cannot be found out; S3 needs s3:ListBucket and s3:GetObject for that"
                .to_owned(),
        ),
        Ok(_) => Ok("what became of a write without an answer can be found out".to_owned()),
        Err(_) => Err("not tried, since nothing can be written".to_owned()),
    };
    let may_read = match &listed {
        Ok(Some(entry)) => match shelf.open_object(&entry.name, true).await {
            Ok(_) => Ok(format!("{} could be opened", entry.name)),
            Err(failure) => Err(failure.to_string()),
        },
        Ok(None) => Ok("not tried, since nothing is archived there".to_owned()),
        Err(_) => Err("not tried, since nothing can be listed".to_owned()),
    };
    let may_list = match listed {
        Ok(_) => Ok("`archive ls` and `archive verify` need that".to_owned()),
        Err(failure) => Err(failure.to_string()),
    };
    let mut is_good = true;
    for (what, found) in [
        ("write", may_write),
        ("look", may_look),
        ("list", may_list),
        ("read", may_read),
    ] {
        is_good &= found.is_ok();
        let (answer, why) = match &found {
            Ok(how) => ("yes", how),
            Err(why) => ("no", why),
        };
        print_line(&format!("{what:<6} {answer}: {why}").replace(['\r', '\n'], " "))?;
    }
    let promises = match shelf.location.is_local() {
        true => FOLDER,
        false => STORE,
    };
    promises.iter().try_for_each(|line| print_line(line))?;
    Ok(u8::from(!is_good).into())
}

/// What a local folder promises.
const FOLDER: [&str; 3] = [
    "An object is there whole or not at all.",
    "One that is there is never replaced: of several that are written at the same time one wins, and the others are told.",
    "No metadata is kept: the codec is in the name, and the digest is in the object (gzip, zstd) or beside it (.sha256).",
];

/// What another store promises.
const STORE: [&str; 3] = [
    "An object is there whole or not at all.",
    "One that is there is never replaced, if it is sent at once (up to 5 MiB stored) and the store knows conditional writes (If-None-Match), which cannot be tried without leaving an object. Otherwise the archive looks just before: who writes in that moment is replaced.",
    "Metadata is kept: the codec and, of what is sent at once or from a spool, the length and the SHA-256.",
];
