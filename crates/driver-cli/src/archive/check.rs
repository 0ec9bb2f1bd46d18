//! `archive check`: what may be done at a location, and what its store promises.

use std::process::ExitCode;
use std::time::Duration;

use archive_sink::{Access, CheckOptions, Codec};
use driver_streaming::error_chain;
use futures_util::TryStreamExt;

use super::arguments::TimeRange;
use super::cleaning_up;
use super::shelf::Shelf;
use crate::exit::{Failure, print_line};
use crate::store_location::StoreLocation;

pub(super) async fn run(location: &str) -> Result<ExitCode, Failure> {
    let shelf = Shelf::open(location)?;
    // As `solve` writes there.
    let place = StoreLocation::folder(location, LIMIT).map_err(Failure::input(location))?;
    let archive = place.archive().codec(Codec::Identity).build();
    let archive = archive.map_err(Failure::input(location))?;
    let everything = CheckOptions {
        look: true,
        delete: true,
    };
    let checking = async { Ok(archive.check_with(everything).await) };
    let checked = cleaning_up(&archive, checking).await?;
    let listed = shelf.entries(TimeRange::default()).try_next().await;
    let (write, listed) = match (checked, listed) {
        // Nothing at all is possible: there is no such location, or no permission, or the store is away.
        (Err(_), Err(failure)) => return Err(failure),
        checks => checks,
    };
    let may_write = match &write {
        Ok(access) if access.deleted == Some(true) => {
            Ok("an object and uploads of it were written; nothing of them is left".to_owned())
        }
        Ok(_) => Ok(
            "an object and uploads of it were written; archive-sink.check is left, since it may not be deleted"
                .to_owned(),
        ),
        Err(error) => Err(error_chain(error)),
    };
    let may_look = match &write {
        Ok(access) if access.look == Some(false) => Err(
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
    print_line("An object is there whole or not at all.")?;
    if let Ok(access) = &write {
        print_line(placement(*access))?;
    }
    print_line(match shelf.location.is_local() {
        true => FOLDER,
        false => STORE,
    })?;
    Ok(u8::from(!is_good).into())
}

/// What was found out about two who write one object at the same time.
fn placement(access: Access) -> &'static str {
    match (access.exclusive_put, access.exclusive_upload) {
        (Some(true), Some(true)) => {
            "One that is there is never replaced: of several that are written at the same time one wins, and the others are told. This was tried."
        }
        (Some(true), _) => {
            "One that is there is never replaced, if it is sent at once (up to 5 MiB stored). The store completes larger uploads whatever is there, as was tried: the archive looks just before, and who writes in that moment is replaced."
        }
        _ => {
            "The store ignores, or does not know, conditional writes (If-None-Match), as was tried: the archive looks just before it writes, and who writes in that moment is replaced."
        }
    }
}

/// How long the store may take to answer.
const LIMIT: Duration = Duration::from_secs(60);

/// What a local folder keeps.
const FOLDER: &str = "No metadata is kept: the codec is in the name, and the digest is in the object (gzip, zstd) or beside it (.sha256).";

/// What another store keeps.
const STORE: &str = "Metadata is kept: the codec and, of what is sent at once or from a spool, the length and the SHA-256.";
