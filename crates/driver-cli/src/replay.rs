//! `replay`: an archived auction to solvers once more.

use std::process::ExitCode;

use archive_sink::Codec;
use driver_streaming::{AuctionId, Document};
use futures_util::StreamExt;

use crate::archived_document::ArchivedDocument;
use crate::arguments::ReplayArguments;
use crate::exit::Failure;
use crate::interruptible_run::run_and_print;
use crate::options_and_config::Sending;
use crate::otlp_export::Export;
use crate::sending::dispatch;
use crate::store_location::StoreLocation;

pub(super) async fn run(
    arguments: &ReplayArguments,
    sending: &Sending,
    export: &Export,
) -> Result<ExitCode, Failure> {
    if sending.requests.is_empty() {
        return Err(Failure::usage("nothing to do: no --solver is given"));
    }
    let pipeline = export.attach(sending.pipeline()).build();
    let pipeline = pipeline.map_err(Failure::input("the run cannot be set up"))?;
    let (location, name) = StoreLocation::object(&arguments.location)
        .map_err(Failure::input("the archived auction"))?;
    let url = location.url_of(&name);
    if url.scheme() == "file"
        && let Ok(path) = url.to_file_path()
    {
        sending.spare(&path)?;
    }
    // Without a codec of its own the archive looks for the object by the name that was given, and then by others.
    let archive = location
        .archive()
        .codec(Codec::Identity)
        .build()
        .map_err(Failure::input(&url))?;
    // An object that is not there, or is no auction from its first chunk on, is wrong input: nothing has been sent yet.
    // The look is not counted as a production: what is sent are documents apart, of the object that was looked at.
    let looked_at = ArchivedDocument::new(archive, &*name);
    if let Some(Err(error)) = looked_at.stream_from(0).next().await {
        return Err(Failure::input(&url)(error));
    }
    // Without an archive it is not kept: the id is for reports.
    let dispatch = dispatch(id_of(&name), &sending.requests, |edits| {
        looked_at.apart().with_edits(edits.clone())
    });
    run_and_print(&pipeline, dispatch, None, sending).await
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
