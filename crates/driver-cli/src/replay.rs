//! `replay`: an archived auction to solvers once more.

use std::process::ExitCode;

use archive_sink::{Codec, ReadError, ReadErrorKind, ReadLimit};
use driver_streaming::AuctionId;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::archived_document::archived_document;
use crate::arguments::ReplayArguments;
use crate::disk_document::DiskDocument;
use crate::disk_file::Broken;
use crate::exit::Failure;
use crate::interruptible_run::{run_and_print, unless_interrupted};
use crate::options_and_config::Sending;
use crate::otlp_export::Export;
use crate::sending::dispatch;
use crate::store_location::StoreLocation;

/// How messages call what is replayed, before its URL is known.
const ARCHIVED: &str = "the archived auction";

/// How many times as long as what is stored an auction may be. Those of today are below 10.
const MOST_RATIO: u64 = 200;

pub(super) async fn run(
    arguments: &ReplayArguments,
    sending: &Sending,
    export: &Export,
) -> Result<ExitCode, Failure> {
    if sending.requests.is_empty() {
        return Err(Failure::usage("nothing to do: no --solver is given"));
    }
    let pipeline = |limit| {
        let builder = sending.pipeline().deadline(limit);
        let pipeline = export.attach(builder).build();
        pipeline.map_err(Failure::input("the run cannot be set up"))
    };
    // Once for what is wrong with it, before the store is asked.
    let deadline = sending.deadline;
    pipeline(deadline)?;
    let location = StoreLocation::object(&arguments.location);
    let (location, name) = location.map_err(Failure::input(ARCHIVED))?;
    let key = location.key_of(&name).map_err(Failure::input(ARCHIVED))?;
    // Without a codec of its own the archive looks for the object by the name that was given, and then by others.
    let archive = location
        .archive()
        .codec(Codec::Identity)
        .read_limit(ReadLimit::bytes(arguments.max_size).with_ratio(MOST_RATIO))
        .build()
        .map_err(Failure::input(ARCHIVED))?;
    let url = location.target(archive.clone()).url_of(&key);
    if url.scheme() == "file"
        && let Ok(path) = url.to_file_path()
    {
        sending.spare(&path)?;
    }
    // An object that is not there, or is no auction from its first chunk on, is wrong input: nothing has been sent yet.
    let (started, mut reading) = (Instant::now(), JoinSet::new());
    let opening = timeout(deadline, archived_document(&archive, &name));
    let (opened, signal) = match unless_interrupted(opening).await {
        Ok(Ok(opened)) => {
            let opened = opened.map(|(auction, rest)| {
                reading.spawn(rest);
                auction
            });
            (opened, None)
        }
        Ok(Err(elapsed)) => {
            let what = format!("{url}: not opened within {deadline:?}");
            return Err(Failure::of(what)(elapsed));
        }
        // In place of one that is not opened any more.
        Err(signal) => (DiskDocument::read(&b"{}"[..], 2).await, Some(signal)),
    };
    let auction = opened.map_err(|broken| unreadable(&url, broken))?;
    // Without an archive it is not kept: the id is for reports.
    let dispatch = dispatch(id_of(&name), &sending.requests, |edits| {
        auction.with_edits(edits.clone())
    });
    let pipeline = pipeline(deadline.saturating_sub(started.elapsed()))?;
    run_and_print(&pipeline, dispatch, None, sending, signal).await
}

/// A store or a disk that fails is no mistake of whoever asked for the object; all else about it is.
fn unreadable(url: &Url, broken: Broken) -> Failure {
    match broken {
        Broken::Source(error) => {
            let read: Option<&ReadError> = error.downcast_ref();
            match read.map(|error| &error.kind) {
                Some(ReadErrorKind::Store { .. }) => Failure::of(url)(error),
                _ => Failure::input(url)(error),
            }
        }
        Broken::File(_) => Failure::of(url)(broken),
        _ => Failure::input(url)(broken),
    }
}

/// The id in a name such as `8339027.json.gz`.
fn id_of(name: &str) -> Option<AuctionId> {
    let name = [".gz", ".zst", ".br"]
        .iter()
        .find_map(|extension| name.strip_suffix(extension))
        .unwrap_or(name);
    name.strip_suffix(".json").unwrap_or(name).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_name_without_its_extensions() {
        for (name, id) in [
            ("1.json", Some("1")),
            ("1.json.gz", Some("1")),
            ("1.2.json.zst", Some("1.2")),
            ("a.json.br", Some("a")),
            ("1", Some("1")),
            ("a b.json", None),
            (".json", None),
        ] {
            assert_eq!(
                id_of(name).map(|id| id.to_string()).as_deref(),
                id,
                "{name}"
            );
        }
    }
}
