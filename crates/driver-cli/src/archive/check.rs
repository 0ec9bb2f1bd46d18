//! `archive check`: what is permitted at a location, and what its store promises.

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

/// How long the store may take to answer.
const LIMIT: Duration = Duration::from_secs(60);

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
        // Nothing is possible: there is no such location, no permission, or the store is away.
        (Err(_), Err(failure)) => return Err(failure),
        checks => checks,
    };
    let may_write = match &write {
        Ok(access) if access.deleted == Some(true) => {
            Ok("an object and uploads were written and removed".to_owned())
        }
        Ok(_) => Ok("an object and uploads were written; archive-sink.check stays, since it may not be deleted".to_owned()),
        Err(error) => Err(error_chain(error)),
    };
    let may_look = match &write {
        Ok(access) if access.look == Some(false) => Err(
            "the outcome of an unanswered write cannot be found out; on S3, that takes s3:ListBucket and s3:GetObject"
                .to_owned(),
        ),
        Ok(_) => Ok("the outcome of an unanswered write can be found out".to_owned()),
        Err(_) => Err("not tried, since nothing can be written".to_owned()),
    };
    let may_read = match &listed {
        Ok(Some(entry)) => match shelf.open_object(&entry.name, true).await {
            Ok(_) => Ok(format!("{} was opened", entry.name)),
            Err(failure) => Err(failure.to_string()),
        },
        Ok(None) => Ok("not tried, since nothing is archived there".to_owned()),
        Err(_) => Err("not tried, since nothing can be listed".to_owned()),
    };
    let may_list = match listed {
        Ok(_) => Ok("for `archive ls` and `archive verify`".to_owned()),
        Err(failure) => Err(failure.to_string()),
    };
    let checks = [
        ("write", may_write),
        ("look", may_look),
        ("list", may_list),
        ("read", may_read),
    ];
    let is_good = checks.iter().all(|(_, found)| found.is_ok());
    for (what, found) in checks {
        let (answer, why) = match found {
            Ok(how) => ("yes", how),
            Err(why) => ("no", why),
        };
        print_line(&format!("{what:<6} {answer}: {why}").replace(['\r', '\n'], " "))?;
    }
    print_line("An object is there completely or not at all.")?;
    if let Ok(access) = &write {
        print_line(placement(*access))?;
    }
    print_line(match shelf.location.is_local() {
        true => {
            "No metadata is kept: the codec is in the name, and the digest is in the object (gzip, zstd) or beside it (.sha256)."
        }
        false => {
            "Metadata is kept: the codec and, for objects sent at once or from a spool, the length and the SHA-256."
        }
    })?;
    Ok(u8::from(!is_good).into())
}

/// What happens when two write one object at the same time.
fn placement(access: Access) -> &'static str {
    match (access.exclusive_put, access.exclusive_upload) {
        (Some(true), Some(true)) => {
            "An existing object is never replaced: of several written at the same time, one wins and the others fail. This was tried."
        }
        (Some(true), _) => {
            "An existing object is never replaced by one that is sent at once (up to 5 MiB stored). For larger ones the archive looks first, and may replace an object that is written at that moment. This was tried."
        }
        _ => {
            "The store does not support conditional writes (If-None-Match): the archive looks first, and may replace an object that is written at that moment. This was tried."
        }
    }
}
